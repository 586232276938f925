import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { ProcessingMode_BodySendMode as BodySendMode } from "@outrider/protos/envoy-processing-mode";
import type { ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import type { SentPart } from "./fake-gateway.ts";

/** What stands beside the part in a message. */
export type Beside = MessageInitShape<typeof ProcessingRequestSchema>;

/** A part and what stands beside it in its message. */
export type SentMessage = readonly [part: SentPart, beside?: Beside];

/** A headers message as Envoy sends it: values in `raw_value`. */
export function headersPart(
  kind: "requestHeaders" | "responseHeaders",
  headers: Readonly<Record<string, string>>,
  endOfStream = false,
): SentPart {
  const list = Object.entries(headers).map(([key, value]) => ({ key, rawValue: Buffer.from(value) }));
  return { case: kind, value: { headers: { headers: list }, endOfStream } };
}

/** Request headers of a POST. */
export function postHeaders(more: Readonly<Record<string, string>> = {}): SentPart {
  return headersPart("requestHeaders", { ":method": "POST", ":path": "/v1/completions", ...more });
}

/** Request headers of a GET, which end the request. */
export function getHeaders(): SentPart {
  return headersPart("requestHeaders", { ":method": "GET", ":path": "/v1/models" }, true);
}

export function requestBody(body: string | Uint8Array, endOfStream = false): SentPart {
  return { case: "requestBody", value: { body: Buffer.from(body as string), endOfStream } };
}

export function responseHeaders(
  status: number,
  more: Readonly<Record<string, string>> = {},
  endOfStream = false,
): SentPart {
  return headersPart("responseHeaders", { ":status": String(status), ...more }, endOfStream);
}

export function responseBody(body: string | Uint8Array, endOfStream = false): SentPart {
  return { case: "responseBody", value: { body: Buffer.from(body as string), endOfStream } };
}

export function trailers(kind: "requestTrailers" | "responseTrailers"): SentPart {
  return { case: kind, value: { trailers: { headers: [{ key: "x-t", rawValue: Buffer.from("1") }] } } };
}

/** `metadata_context` with one key of one namespace. */
export function metadata(namespace: string, fields: JsonObject): Beside {
  return { metadataContext: { filterMetadata: { [namespace]: fields } } };
}

/** The subset hint. */
export function subsetHint(value: JsonObject[string]): Beside {
  return metadata("envoy.lb.subset_hint", { "x-gateway-destination-endpoint-subset": value });
}

/** `protocol_config` of the first message. */
export function announce(request: keyof typeof BodySendMode, response: keyof typeof BodySendMode): Beside {
  return { protocolConfig: { requestBodyMode: BodySendMode[request], responseBodyMode: BodySendMode[response] } };
}
