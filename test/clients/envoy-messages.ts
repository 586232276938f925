import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type ProcessingRequestSchema, ProtocolConfigurationSchema } from "@outrider/protos/ext-proc";

/** One message of a gateway. */
export type GatewayMessage = MessageInitShape<typeof ProcessingRequestSchema>;

/** FULL_DUPLEX_STREAMED both ways. */
const fullDuplex = create(ProtocolConfigurationSchema, { requestBodyMode: 4, responseBodyMode: 4 });

/** Headers as Envoy sends them, in `raw_value`. */
export function toHeaders(headers: Readonly<Record<string, string>>) {
  return { headers: Object.entries(headers).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) };
}

/** First message for a POST, as Envoy sends it in FULL_DUPLEX_STREAMED. @param headers beside the pseudo-headers. */
export function postMessage(path: string, headers: Readonly<Record<string, string>>): GatewayMessage {
  const pseudo = { ":authority": "pool", ":path": path, ":method": "POST", ":scheme": "http" };
  const all = { ...pseudo, "content-type": "application/json", "x-forwarded-proto": "http", ...headers };
  return {
    request: { case: "requestHeaders", value: { headers: toHeaders(all) } },
    protocolConfig: fullDuplex,
    metadataContext: {},
  };
}

/** A part of the request's body. */
export function requestPart(body: Uint8Array, endOfStream = false): GatewayMessage {
  return { request: { case: "requestBody", value: { body, endOfStream } }, metadataContext: {} };
}

/** Status and headers of the response. */
export function responseMessage(contentType: string): GatewayMessage {
  const headers = toHeaders({ ":status": "200", "content-type": contentType });
  return { request: { case: "responseHeaders", value: { headers } } };
}

/** A part of the response's body. */
export function responsePart(body: Uint8Array, endOfStream = false): GatewayMessage {
  return { request: { case: "responseBody", value: { body, endOfStream } } };
}
