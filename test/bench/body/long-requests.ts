import { postMessage, requestPart, responseMessage, responsePart } from "../../clients/envoy-messages.ts";
import { toFrame } from "../../clients/ext-proc.ts";

/** Bytes of a prompt of 100,000 tokens. */
const promptBytes = 400_000;
/** Where Envoy cut such a body. */
const firstPartBytes = 65_344;
/** Different ones, so that nothing is known from the request before. */
const variety = 16;
const chunkBytes = 250;

/** Frames of one exchange. */
export interface LongExchange {
  /** The request's, in order: headers, the body in two parts, an empty end. */
  readonly request: readonly Buffer[];
  /** The response's status and headers. */
  readonly head: Buffer;
  /** One event of the response, as large as an engine's. */
  readonly chunk: Buffer;
  /** What ends the response. */
  readonly end: Buffer;
}

/** Requests of 400 kB with streamed responses, as Envoy sends them. */
export function makeLongExchanges(): readonly LongExchange[] {
  const event = `data: ${JSON.stringify({ id: "cmpl-1", choices: [{ text: "x" }] })}`;
  const head = toFrame(responseMessage("text/event-stream"));
  const chunk = toFrame(responsePart(Buffer.from(`${event.padEnd(chunkBytes - 2)}\n\n`)));
  const end = toFrame(responsePart(Buffer.alloc(0), true));
  return Array.from({ length: variety }, (_, i) => {
    const prompt = `request ${i} of many: `.repeat(promptBytes / 20).slice(0, promptBytes);
    const body = Buffer.from(JSON.stringify({ model: "qwen3-32b", stream: true, prompt }));
    const headers = { "content-length": String(body.length), "x-request-id": `bench-${i}` };
    const request = [
      toFrame(postMessage("/v1/completions", headers)),
      toFrame(requestPart(body.subarray(0, firstPartBytes))),
      toFrame(requestPart(body.subarray(firstPartBytes))),
      toFrame(requestPart(Buffer.alloc(0), true)),
    ];
    return { request, head, chunk, end };
  });
}
