import { Agent, request } from "undici";
import type { TraceRequest } from "./trace.ts";

/** What became of one request: nothing, or why it failed. */
export type Outcome = { readonly kind: "answered" } | { readonly kind: "failed"; readonly reason: string };

/** Sends requests as an OpenAI client does and reads their streamed answers. */
export interface Client {
  send(request: TraceRequest): Promise<Outcome>;
  close(): Promise<void>;
}

/** @param door base URL of the gateway. */
export function createClient(door: string): Client {
  const dispatcher = new Agent({ connections: 256, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const post = async ({ prompt, session, outputTokens }: TraceRequest): Promise<Outcome> => {
    const body = JSON.stringify({ model: "qwen3-32b", prompt, max_tokens: outputTokens, stream: true });
    const headers = { "content-type": "application/json", "x-session-id": session };
    const response = await request(`${door}/v1/completions`, { method: "POST", headers, body, dispatcher });
    const text = await response.body.text();
    if (response.statusCode !== 200) return { kind: "failed", reason: `${response.statusCode}: ${text.slice(0, 200)}` };
    if (!text.includes("data: [DONE]")) return { kind: "failed", reason: "the stream was cut" };
    return { kind: "answered" };
  };
  return {
    send: (request) => post(request).catch((error: Error) => ({ kind: "failed", reason: error.message })),
    close: () => dispatcher.close(),
  };
}
