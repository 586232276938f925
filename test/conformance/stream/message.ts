import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { ProcessingMode_BodySendMode } from "@outrider/protos/envoy-processing-mode";
import type { ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import { Fields, isRecord } from "../fields.ts";
import { NotApplicable } from "../verdict.ts";
import type { PartType } from "./reply.ts";

/** A message of the gateway, read from a case. */
export interface GatewayMessage {
  readonly type: PartType;
  /** Headers or trailers in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly endOfStream: boolean;
  /** Whether it announces a mode in which the gateway waits for the answer to its headers before it sends a body. */
  readonly waitsForHeaders: boolean;
  /** As it goes on the wire. */
  readonly wire: MessageInitShape<typeof ProcessingRequestSchema>;
}

const known = [
  "type",
  "headers",
  "headers_list",
  "header_values",
  "header_value_field",
  "trailers",
  "body_text",
  "body_hex",
  "end_of_stream",
  "filter_metadata",
  "protocol_config",
  "attributes",
];

/** Modes a gateway of these cases runs in, unless one says otherwise. */
const fullDuplex = { request_body_mode: "FULL_DUPLEX_STREAMED", response_body_mode: "FULL_DUPLEX_STREAMED" };

/**
 * Reads an entry of `send[]`.
 * @param isFirst whether it is the stream's first, which tells the modes.
 */
export function toMessage(entry: Fields, isFirst: boolean): GatewayMessage {
  const unknown = entry.unknown(known);
  if (unknown.length > 0) throw new NotApplicable("unknown fields", `send: ${unknown.join(", ")}`);
  const type = toPartType(entry.string("type"));
  const values = readHeaders(entry);
  const body = readBody(entry);
  const endOfStream = entry.boolean("end_of_stream", false);
  const headers = values.map(({ key, value, rawValue }) => [key, rawValue ?? value ?? ""] as const);
  const part = toPart(type, { headers: values.map(toHeaderValue) }, body, endOfStream);
  const metadata = entry.has("filter_metadata") ? { metadataContext: toMetadata(entry) } : {};
  const attributes = entry.has("attributes") ? { attributes: toStructs(entry, "attributes") } : {};
  const config = isFirst ? { protocolConfig: toProtocolConfig(entry) } : {};
  const waitsForHeaders = config.protocolConfig !== undefined && isPatient(config.protocolConfig);
  const wire = { request: part, ...metadata, ...attributes, ...config };
  return { type, headers, body, endOfStream, waitsForHeaders, wire };
}

function toPartType(type: string): PartType {
  const parts: readonly string[] = [
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
  ] satisfies PartType[];
  if (parts.includes(type)) return type as PartType;
  throw new NotApplicable("unknown fields", `send: type ${type}`);
}

/** A header with the text of either field. */
interface HeaderText {
  readonly key: string;
  readonly value: string | undefined;
  readonly rawValue: string | undefined;
}

function readHeaders(entry: Fields): readonly HeaderText[] {
  const isRaw = !entry.has("header_value_field") || entry.string("header_value_field") === "raw_value";
  const toText = ([key, text]: readonly [string, string]) =>
    isRaw ? { key, value: undefined, rawValue: text } : { key, value: text, rawValue: undefined };
  const named = Object.entries(entry.strings(entry.has("trailers") ? "trailers" : "headers"));
  return [...[...named, ...readPairs(entry)].map(toText), ...entry.objects("header_values").map(readBoth)];
}

function readPairs(entry: Fields): readonly (readonly [string, string])[] {
  return entry.list("headers_list").map((pair) => {
    if (Array.isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "string") return [pair[0], pair[1]];
    throw new NotApplicable("unknown fields", "send: headers_list is no list of pairs");
  });
}

/** A header given as the object it is on the wire. */
function readBoth(header: Fields): HeaderText {
  const text = (key: string) => (header.has(key) ? header.string(key) : undefined);
  return { key: header.string("key"), value: text("value"), rawValue: text("raw_value") };
}

function toHeaderValue({ key, value, rawValue }: HeaderText) {
  return { key, value: value ?? "", rawValue: Buffer.from(rawValue ?? "") };
}

function readBody(entry: Fields): Buffer {
  if (entry.has("body_hex")) return Buffer.from(entry.string("body_hex"), "hex");
  return entry.has("body_text") ? Buffer.from(entry.string("body_text")) : Buffer.alloc(0);
}

/** The oneof's part for a message. */
function toPart(
  type: PartType,
  headers: { headers: ReturnType<typeof toHeaderValue>[] },
  body: Buffer,
  endOfStream: boolean,
): NonNullable<MessageInitShape<typeof ProcessingRequestSchema>["request"]> {
  switch (type) {
    case "request_headers":
      return { case: "requestHeaders", value: { headers, endOfStream } };
    case "response_headers":
      return { case: "responseHeaders", value: { headers, endOfStream } };
    case "request_body":
      return { case: "requestBody", value: { body, endOfStream } };
    case "response_body":
      return { case: "responseBody", value: { body, endOfStream } };
    case "request_trailers":
      return { case: "requestTrailers", value: { trailers: headers } };
    case "response_trailers":
      return { case: "responseTrailers", value: { trailers: headers } };
  }
}

function toMetadata(entry: Fields): { filterMetadata: Record<string, JsonObject> } {
  return { filterMetadata: toStructs(entry, "filter_metadata") };
}

function toStructs(entry: Fields, key: string): Record<string, JsonObject> {
  const { values } = entry.object(key);
  if (!Object.values(values).every(isRecord)) throw new NotApplicable("unknown fields", `send: ${key}`);
  return values as Record<string, JsonObject>;
}

interface SentConfig {
  readonly requestBodyMode: ProcessingMode_BodySendMode;
  readonly responseBodyMode: ProcessingMode_BodySendMode;
  readonly sendBodyWithoutWaitingForHeaderResponse: boolean;
}

/** `protocol_config` as the case has it; `null` = the gateway sends none; by default both bodies are streamed. */
function toProtocolConfig(entry: Fields): SentConfig | undefined {
  if (entry.values.protocol_config === null) return undefined;
  const config = entry.has("protocol_config") ? entry.object("protocol_config") : new Fields(fullDuplex, "send");
  const known = ["request_body_mode", "response_body_mode", "send_body_without_waiting_for_header_response"];
  const [unknown] = config.unknown(known);
  if (unknown !== undefined) throw new NotApplicable("unknown fields", `send: protocol_config.${unknown}`);
  const mode = (key: string) => toMode(config.has(key) ? config.string(key) : "NONE");
  return {
    requestBodyMode: mode("request_body_mode"),
    responseBodyMode: mode("response_body_mode"),
    sendBodyWithoutWaitingForHeaderResponse: config.boolean("send_body_without_waiting_for_header_response", false),
  };
}

/** Only where both directions are streamed at once, or a gateway says so, is a body sent before its headers are answered. */
function isPatient({ requestBodyMode, sendBodyWithoutWaitingForHeaderResponse }: SentConfig): boolean {
  return (
    requestBodyMode !== ProcessingMode_BodySendMode.FULL_DUPLEX_STREAMED && !sendBodyWithoutWaitingForHeaderResponse
  );
}

function toMode(name: string): ProcessingMode_BodySendMode {
  const modes: Readonly<Record<string, unknown>> = ProcessingMode_BodySendMode;
  const mode = modes[name];
  if (typeof mode === "number") return mode as ProcessingMode_BodySendMode;
  throw new NotApplicable("unknown fields", `send: body mode ${name}`);
}
