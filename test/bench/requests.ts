import { create } from "@bufbuild/protobuf";
import { ProtocolConfigurationSchema } from "@outrider/protos/ext-proc";
import { toFrame } from "../clients/ext-proc.ts";
import { toHeaders } from "./load.ts";

/**
 * Requests as Envoy sends them for an HTTP/1.1 client: headers, the body, an empty end. Prompts of 200 tokens (800
 * characters), whose first half is shared by the requests of one of 20 groups; 200 requests in all.
 */
export function makeRequests(): readonly Buffer[] {
  return Array.from({ length: 200 }, (_, i) => {
    const group = i % 20;
    const prompt = `${`group ${group} `.repeat(60).slice(0, 400)}${`request ${i} `.repeat(60).slice(0, 400)}`;
    const body = Buffer.from(JSON.stringify({ model: "qwen3-32b", max_tokens: 100, prompt }));
    const headers = {
      ":authority": "bench",
      ":path": "/v1/completions",
      ":method": "POST",
      ":scheme": "http",
      "content-type": "application/json",
      "content-length": String(body.length),
      "x-forwarded-proto": "http",
      "x-request-id": `bench-${i}`,
      "x-session-id": `session-${group}`,
    };
    const protocolConfig = create(ProtocolConfigurationSchema, { requestBodyMode: 4, responseBodyMode: 4 });
    return Buffer.concat([
      toFrame({
        request: { case: "requestHeaders", value: { headers: toHeaders(headers) } },
        protocolConfig,
        metadataContext: {},
      }),
      toFrame({ request: { case: "requestBody", value: { body } }, metadataContext: {} }),
      toFrame({ request: { case: "requestBody", value: { endOfStream: true } }, metadataContext: {} }),
    ]);
  });
}
