import { hash } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { ProcessingMode_BodySendMode as BodySendMode } from "@outrider/protos/envoy-processing-mode";
import type { ProcessingResponse } from "@outrider/protos/ext-proc";
import { bodyBytes, type DialectStream, type GatewayMessage, type WantedAnswer } from "./dialect.ts";
import type { GatewayCall, SentPart } from "./fake-gateway.ts";
import type { Beside } from "./parts.ts";
import { type ReadAnswer, readAnswer } from "./read-answer.ts";

/** What an exchange came to. */
export interface PlayedStream {
  /** Where the answers were not those of the script; empty = they all were. */
  readonly faults: readonly string[];
  /** All answers, in order, pieces of bodies not joined. */
  readonly answers: readonly ProcessingResponse[];
}

/** Plays the gateway's part of a stream, waiting for each answer where the script has it, and lets go at the end. */
export async function playStream(call: GatewayCall, stream: DialectStream): Promise<PlayedStream> {
  const faults: string[] = [];
  let answered = 0;
  for (const entry of stream.script) {
    if ("gateway" in entry) {
      call.send(toPart(entry), toBeside(entry));
      continue;
    }
    const { pieces, fault } = await takeAnswer(call, entry, answered);
    answered += pieces;
    if (fault !== undefined) return { faults: [fault], answers: call.answers };
  }
  if (stream.lets_go === "reset") call.reset();
  else call.halfClose();
  await call.ended;
  for (const answer of call.answers.slice(answered)) faults.push(`nobody asked for ${describe(readAnswer(answer))}`);
  return { faults, answers: call.answers };
}

/** Takes the answers that make up one entry: a body may come in pieces. */
async function takeAnswer(
  call: GatewayCall,
  wanted: WantedAnswer,
  from: number,
): Promise<{ readonly pieces: number; readonly fault: string | undefined }> {
  const first = await answerAt(call, from);
  if (first === undefined) return { pieces: 0, fault: `no ${wanted.outrider} came` };
  if (!isStreamed(first)) return { pieces: 1, fault: compare(first, wanted) };
  const parts = [first];
  const length = wanted.body === undefined ? 0 : bodyBytes(wanted.body).length;
  for (let bytes = sizeOf(first); bytes < length; ) {
    const next = await answerAt(call, from + parts.length);
    if (next === undefined || next.part !== first.part) break;
    parts.push(next);
    bytes += sizeOf(next);
  }
  const early = parts.slice(0, -1).some(({ endOfStream }) => endOfStream);
  const body = parts.map((part) => part.body).join("");
  const fault = early
    ? `a piece of ${first.part} ends it early`
    : compare({ ...(parts.at(-1) ?? first), body }, wanted);
  return { pieces: parts.length, fault };
}

async function answerAt(call: GatewayCall, index: number): Promise<ReadAnswer | undefined> {
  const answers = await call.receive(index + 1).catch(() => call.answers);
  const answer = answers[index];
  return answer === undefined ? undefined : readAnswer(answer);
}

function isStreamed({ part, body }: ReadAnswer): boolean {
  return part.endsWith("Body") && body !== undefined;
}

function sizeOf({ body = "" }: ReadAnswer): number {
  return Buffer.byteLength(body);
}

function compare(found: ReadAnswer, wanted: WantedAnswer): string | undefined {
  const text = describe(found);
  const want = describe(toReadAnswer(wanted));
  return text === want ? undefined : `got ${text}, wanted ${want}`;
}

/** The wanted answer as a read one would look. */
function toReadAnswer({ outrider, set, remove, metadata, body, end, status }: WantedAnswer): ReadAnswer {
  return {
    part: outrider.replace(/_(\w)/, (_, letter: string) => letter.toUpperCase()),
    set,
    remove,
    metadata,
    ...(body === undefined ? {} : { body: bodyBytes(body).toString() }),
    ...(body === undefined || outrider === "immediate_response" ? {} : { endOfStream: end }),
    ...(status === undefined ? {} : { status }),
  };
}

/** An answer as text, headers and metadata in a fixed order. */
function describe({ part, set = {}, remove = [], metadata = {}, body, endOfStream, status }: ReadAnswer): string {
  const isLong = body !== undefined && body.length > 200;
  const told = isLong ? `${body.length} bytes, SHA-1 ${hash("sha1", body).slice(0, 8)}` : body;
  const rest = { set: sorted(set), remove, metadata, body: told, end: endOfStream, status };
  return `${part} ${JSON.stringify(rest)}`;
}

function sorted(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function toPart(message: GatewayMessage): SentPart {
  const { end } = message;
  const list = Object.entries(message.headers).map(([key, value]) => ({ key, rawValue: Buffer.from(value) }));
  const bytes = bodyBytes(message.body);
  switch (message.gateway) {
    case "request_headers":
      return { case: "requestHeaders", value: { headers: { headers: list }, endOfStream: end } };
    case "response_headers":
      return { case: "responseHeaders", value: { headers: { headers: list }, endOfStream: end } };
    case "request_body":
      return { case: "requestBody", value: { body: bytes, endOfStream: end } };
    case "response_body":
      return { case: "responseBody", value: { body: bytes, endOfStream: end } };
    case "request_trailers":
      return { case: "requestTrailers", value: { trailers: { headers: list } } };
    case "response_trailers":
      return { case: "responseTrailers", value: { trailers: { headers: list } } };
  }
}

function toBeside({ announces, metadata }: GatewayMessage): Beside {
  const mode = announces === undefined ? undefined : BodySendMode[announces];
  return {
    ...(mode === undefined ? {} : { protocolConfig: { requestBodyMode: mode, responseBodyMode: mode } }),
    ...(metadata === undefined ? {} : { metadataContext: { filterMetadata: metadata as Record<string, JsonObject> } }),
  };
}
