import type { DoneCause } from "@outrider/core";
import type { GatewayMessage } from "./stream/message.ts";
import { headerOf, joinBodies, type Reply } from "./stream/reply.ts";
import { NotApplicable } from "./verdict.ts";

/** One stream of a case after it ran. */
export interface ObservedStream {
  readonly sent: readonly GatewayMessage[];
  /** Replies as they came, bodies not joined. */
  readonly replies: readonly Reply[];
  /** What the case saved of this stream, by its name for it. */
  readonly saved: Readonly<Record<string, string>>;
  /** How the exchange behind the stream ended, a cause each time it was said. */
  readonly ends: readonly DoneCause[];
  /** Whether an answer that was due did not come in time. */
  readonly isOverdue: boolean;
  /** Those before it, of one that is repeated; absent = it is not. */
  readonly earlier?: readonly Pick<ObservedStream, "sent" | "replies">[];
}

/** All that a sentence can be about. */
export interface Observation {
  readonly streams: readonly ObservedStream[];
  /** Endpoints of the pool, the one with the shortest queue first. */
  readonly endpoints: readonly string[];
}

/** What is wrong, or `undefined`. */
export type Fault = string | undefined;

const destinationHeader = "x-gateway-destination-endpoint";
const subsetKey = "x-gateway-destination-endpoint-subset";
const numberWords = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** Fault where what was found is not what was wanted. */
export function expectEqual(what: string, found: unknown, wanted: unknown): Fault {
  return found === wanted ? undefined : `${what}: ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`;
}

/** First fault of the items. */
export function firstFault<T>(items: readonly T[], check: (item: T) => Fault): Fault {
  for (const item of items) {
    const fault = check(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Last reply of the last stream. */
export function lastReply(streams: readonly ObservedStream[]): Reply | undefined {
  return streams.at(-1)?.replies.at(-1);
}

/** Replies of a type, bodies not joined. */
export function repliesOf(stream: Pick<ObservedStream, "replies"> | undefined, type: string): readonly Reply[] {
  return stream?.replies.filter((reply) => reply.type === type) ?? [];
}

/** Types of the replies in order, bodies joined. */
export function typesOf(stream: ObservedStream | undefined): readonly string[] {
  return joinBodies(stream?.replies ?? []).map(({ type }) => type);
}

/** The reply that routes: to the headers, or to the body where the gateway waits for that. */
export function routeOf(stream: Pick<ObservedStream, "replies"> | undefined): Reply | undefined {
  const replies = [...repliesOf(stream, "request_headers"), ...repliesOf(stream, "request_body")];
  return replies.find((reply) => headerOf(reply, destinationHeader) !== undefined);
}

/** Destination header of a stream. */
export function destinationOf(stream: Pick<ObservedStream, "replies"> | undefined): string | undefined {
  return headerOf(routeOf(stream), destinationHeader);
}

/** Body that the gateway sent of a request or response. */
export function sentBody(stream: ObservedStream | undefined, side: string): Buffer {
  const bodies = stream?.sent.filter(({ type }) => type === `${side}_body`) ?? [];
  return Buffer.concat(bodies.map(({ body }) => body));
}

/** Destination in the metadata of a reply. */
export function metadataDestination(reply: Reply | undefined): unknown {
  const struct = reply?.dynamicMetadata?.["envoy.lb"];
  return typeof struct === "object" && struct !== null && !Array.isArray(struct)
    ? struct[destinationHeader]
    : undefined;
}

/** Fault where a reply has a header or a metadata key of the name. */
export function absent(reply: Reply, name: string): Fault {
  if (headerOf(reply, name) !== undefined) return `${reply.type} sets ${name}`;
  return JSON.stringify(reply.dynamicMetadata ?? {}).includes(`"${name}"`)
    ? `${reply.type} has it in metadata`
    : undefined;
}

/** The subset hint of a stream, as one comma-separated text. */
export function subsetOf(stream: ObservedStream | undefined): string {
  for (const { wire } of stream?.sent ?? []) {
    const subset = wire.metadataContext?.filterMetadata?.["envoy.lb.subset_hint"]?.[subsetKey];
    if (typeof subset === "string") return subset;
    if (Array.isArray(subset)) return subset.filter((entry) => typeof entry === "string").join(",");
  }
  return "";
}

/** Headers that the first message repeats. */
export function repeatedHeaders(stream: ObservedStream | undefined): readonly string[] {
  const names = stream?.sent[0]?.headers.map(([name]) => name.toLowerCase()) ?? [];
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}

/** Headers that nobody sets or removes reach the backend as the client sent them. */
export function touched(stream: ObservedStream | undefined, name: string): Fault {
  const reply = routeOf(stream);
  if (reply === undefined) return "no reply that routes came";
  return headerOf(reply, name) !== undefined || reply.removeHeaders.includes(name) ? `${name} is changed` : undefined;
}

/** A count in words or digits. */
export function toCount(word: string): number {
  const index = numberWords.indexOf(word);
  return index >= 0 ? index : Number(word);
}

/** Our word for the reference's cause of an end. */
export function toDoneCause(cause: string): DoneCause {
  const causes: Readonly<Record<string, DoneCause>> = {
    natural: "ok",
    "client-disconnect": "client_cancelled",
    evicted: "evicted",
  };
  const own = causes[cause];
  if (own === undefined) throw new NotApplicable("upstream internals", `cause ${cause}`);
  return own;
}

/** What a stream saved under a name; empty = nothing. */
export function saved(streams: readonly ObservedStream[], name: string, number: string): string {
  return streams[Number(number) - 1]?.saved[name] ?? "";
}

/** A stream without `save` still has an endpoint. */
export function savedOrDestination(
  streams: readonly ObservedStream[],
  name: string,
  number: string,
): string | undefined {
  const value = saved(streams, name, number);
  return value === "" && name === "endpoint" ? destinationOf(streams[Number(number) - 1]) : value;
}

/** Value of a header that some reply of a stream sets. */
export function carried(streams: readonly ObservedStream[], number: string, name: string): string | undefined {
  const replies = streams[Number(number) - 1]?.replies ?? [];
  return replies.map((reply) => headerOf(reply, name)).find((value) => value !== undefined);
}
