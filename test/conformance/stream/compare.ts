import { isDeepStrictEqual } from "node:util";
import type { Fields } from "../fields.ts";
import { differs, differsByNote, fail, NotApplicable, notApplicable, type Verdict } from "../verdict.ts";
import { expectedBody, joinExpected } from "./expected.ts";
import type { GatewayMessage } from "./message.ts";
import { type HeaderPair, headerOf, joinBodies, type Reply } from "./reply.ts";

/** What a comparison knows besides the reply. */
export interface Surroundings {
  /** What the gateway sent on this stream. */
  readonly sent: readonly GatewayMessage[];
  /** The case's note; empty = none. */
  readonly notes: string;
  /** Whether the row restates a revision of the reference from before it was renamed. */
  readonly isOlder: boolean;
}

const known = [
  "type",
  "set_headers",
  "set_headers_match",
  "set_headers_in_order",
  "clear_route_cache",
  "dynamic_metadata",
  "body_text",
  "body_hex",
  "end_of_stream",
  "mutation",
  "header_mutation",
  "status",
];

/** Header that tells why a request was dropped. */
const droppedReasonHeader = "x-llm-d-request-dropped-reason";

/**
 * Compares replies with `expect[]`, in order; `undefined` where all is as expected. Further replies do not count. Of
 * several verdicts a failure goes first, then a difference on purpose.
 */
export function compareReplies(
  expected: readonly Fields[],
  observed: readonly Reply[],
  surroundings: Surroundings,
): Verdict | undefined {
  const replies = joinBodies(observed);
  const joined = joinExpected(expected);
  const verdicts = joined.flatMap((want, i) => {
    const reply = upTo(want, replies[i], i === joined.length - 1);
    if (surroundings.notes !== "" && isAcknowledgementWanted(want) && reply?.change === "streamed_response")
      return differsByNote(surroundings.notes, "no body is answered by a bare acknowledgement");
    return compareReply(want, reply, `reply ${i}`, surroundings);
  });
  const first = (status: Verdict["status"]) => verdicts.find((verdict) => verdict.status === status);
  return first("fail") ?? first("differs") ?? first("not_applicable");
}

function compareReply(want: Fields, reply: Reply | undefined, where: string, surroundings: Surroundings): Verdict[] {
  const unknown = want.unknown(known);
  if (unknown.length > 0) throw new NotApplicable("unknown fields", `expect: ${unknown.join(", ")}`);
  const type = want.string("type");
  if (reply === undefined) return [fail(`${where}: none came, expected ${type}`)];
  if (reply.type !== type) return [fail(`${where} is ${describe(reply)}, expected ${type}`)];
  const verdicts =
    type === "immediate_response"
      ? [compareImmediate(want, reply, where, surroundings)]
      : [
          compareHeaders(want, reply, where, surroundings.sent),
          compareMetadata(want, reply, where),
          type.endsWith("_body") ? compareBody(want, reply, where) : undefined,
        ];
  return verdicts.filter((verdict) => verdict !== undefined);
}

/** A body that a case follows only so far is compared so far. */
function upTo(want: Fields, reply: Reply | undefined, isLast: boolean): Reply | undefined {
  const body = expectedBody(want);
  const isPart = isLast && want.values.end_of_stream === false && body !== undefined && reply !== undefined;
  if (!isPart || !reply.body.subarray(0, body.length).equals(body) || reply.body.length === body.length) return reply;
  return { ...reply, body, endOfStream: false };
}

/** An answer to a body that says nothing of it, which is invalid where bodies are streamed both ways. */
function isAcknowledgementWanted({ values }: Fields): boolean {
  return String(values.type).endsWith("_body") && values.mutation === null;
}

/** A reply in a few words, for reasons. */
export function describe(reply: Reply): string {
  return reply.type === "immediate_response" ? `immediate_response ${reply.status} "${reply.body}"` : reply.type;
}

function compareImmediate(want: Fields, reply: Reply, where: string, { isOlder }: Surroundings): Verdict | undefined {
  const status = want.number("status");
  const text = want.has("body_text") ? want.string("body_text") : "";
  if (status === 500 && reply.status === 503 && text.includes("no pods available")) {
    return differs("no endpoint is 503", `${where} is 503`);
  }
  if (reply.status !== status) return fail(`${where} is ${describe(reply)}, expected ${status} "${text}"`);
  const prefix = status === 400 ? codePrefix(text) : text;
  const body = reply.body.toString();
  if (status === 400 ? !body.startsWith(prefix) : want.has("body_text") && body !== text) {
    return fail(`${where} has body "${body}", expected "${prefix}"`);
  }
  const headers = Object.entries(want.strings("set_headers")).map(([name, value]): HeaderPair => [name, value]);
  const missing = headers.find(([name, value]) => headerOf(reply, name) !== value);
  if (missing !== undefined) return fail(`${where} does not set ${missing[0]}: ${missing[1]}`);
  const extra = want.has("set_headers") ? extraHeader(reply, headers, where) : undefined;
  const isReason = extra?.reason.includes(`sets ${droppedReasonHeader}: `) === true && isOlder;
  return isReason ? notApplicable("older reference", `${where} tells why it was dropped`) : extra;
}

/** The decoder's own words stand behind the code of a 400: those are not compared. */
function codePrefix(text: string): string {
  return /^inference error: \w+ - /.exec(text)?.[0] ?? text;
}

function compareHeaders(
  want: Fields,
  reply: Reply,
  where: string,
  sent: readonly GatewayMessage[],
): Verdict | undefined {
  const odd = reply.oddHeaders[0];
  if (odd !== undefined) return fail(`${where} carries ${odd} otherwise than in raw_value alone`);
  if (reply.removeHeaders.length > 0) return fail(`${where} removes ${reply.removeHeaders.join(", ")}`);
  const headers = Object.entries(want.strings("set_headers")).map(([name, value]): HeaderPair => [name, value]);
  const incoming = sent.find(({ type }) => type === reply.type)?.headers ?? [];
  for (const [name, value] of headers) {
    const verdict = compareHeader(name, value, headerOf(reply, name), incoming, where);
    if (verdict !== undefined) return verdict;
  }
  if (want.has("set_headers_match") && want.string("set_headers_match") === "exact") {
    const extra = extraHeader(reply, headers, where);
    if (extra !== undefined) return extra;
  }
  const cleared = want.boolean("clear_route_cache", false);
  if (cleared && !reply.clearRouteCache) return fail(`${where} does not clear the route cache`);
  return compareOrder(want, reply, where);
}

/** What equals the header that came in need not be sent, nor `Content-Length`, which Envoy drops; what is sent must match. */
function compareHeader(
  name: string,
  value: string,
  observed: string | undefined,
  incoming: readonly HeaderPair[],
  where: string,
): Verdict | undefined {
  if (observed === value) return undefined;
  if (observed !== undefined) return fail(`${where} sets ${name}: ${observed}, expected ${value}`);
  const isSame = incoming.some(([key, old]) => key.toLowerCase() === name.toLowerCase() && old === value);
  if (isSame || name.toLowerCase() === "content-length") return undefined;
  return fail(`${where} does not set ${name}: ${value}`);
}

function extraHeader(reply: Reply, expected: readonly HeaderPair[], where: string): Verdict | undefined {
  const names = expected.map(([name]) => name.toLowerCase());
  const extra = reply.setHeaders.find(([name]) => !names.includes(name.toLowerCase()));
  return extra === undefined ? undefined : fail(`${where} sets ${extra[0]}: ${extra[1]}, which is not expected`);
}

function compareOrder(want: Fields, reply: Reply, where: string): Verdict | undefined {
  let from = 0;
  for (const pair of want.list("set_headers_in_order")) {
    const [name, value] = Array.isArray(pair) ? pair.map(String) : [];
    const at = reply.setHeaders.findIndex(
      ([key, set], i) => i >= from && key.toLowerCase() === name?.toLowerCase() && set === value,
    );
    if (at < 0) return fail(`${where} does not set ${name}: ${value} in this order`);
    from = at + 1;
  }
  return undefined;
}

function compareMetadata(want: Fields, reply: Reply, where: string): Verdict | undefined {
  const expected = want.has("dynamic_metadata") ? want.object("dynamic_metadata").values : undefined;
  if (isDeepStrictEqual(expected ?? {}, reply.dynamicMetadata ?? {})) return undefined;
  return fail(`${where} has metadata ${JSON.stringify(reply.dynamicMetadata)}, expected ${JSON.stringify(expected)}`);
}

function compareBody(want: Fields, reply: Reply, where: string): Verdict | undefined {
  const change = "mutation" in want.values ? (want.values.mutation ?? "none") : reply.change;
  if (change !== reply.change) {
    return fail(`${where} is answered by ${reply.change}, expected ${JSON.stringify(change)}`);
  }
  const end = want.boolean("end_of_stream", reply.endOfStream);
  if (end !== reply.endOfStream) return fail(`${where} has end_of_stream ${reply.endOfStream}, expected ${end}`);
  const body = expectedBody(want);
  if (body === undefined || body.equals(reply.body)) return undefined;
  return fail(`${where} has body "${clip(reply.body)}", expected "${clip(body)}"`);
}

function clip(body: Buffer): string {
  return body.length > 200 ? `${body.toString("utf8", 0, 200)}…` : body.toString();
}
