import { postMessage, requestPart, responseMessage, responsePart } from "../clients/envoy-messages.ts";
import { toFrame } from "../clients/ext-proc.ts";

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
      "content-length": String(body.length),
      "x-request-id": `bench-${i}`,
      "x-session-id": `session-${group}`,
    };
    return Buffer.concat([
      toFrame(postMessage("/v1/completions", headers)),
      toFrame(requestPart(body)),
      toFrame(requestPart(Buffer.alloc(0), true)),
    ]);
  });
}

/** A response of 1 kB that is not streamed. */
export const smallResponse = Buffer.concat([
  toFrame(responseMessage("application/json")),
  toFrame(responsePart(Buffer.alloc(1024, "a"))),
  toFrame(responsePart(Buffer.alloc(0), true)),
]);
