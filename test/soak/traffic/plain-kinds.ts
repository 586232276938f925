import { createHash } from "node:crypto";
import { type Answer, ask } from "./ask.ts";
import { bad, badStatus, type Ending, well } from "./ending.ts";
import { chat, completion, longCompletion, modelOf } from "./prompts.ts";
import type { RequestKind } from "./request-kind.ts";

/** Requests that are answered by a model server. */
export const plainKinds: readonly RequestKind[] = [
  {
    name: "chat",
    weight: 24,
    run: (shot) => ask(shot, { path: "/v1/chat/completions", body: chat(shot.i, { max_tokens: 16 }) }, hasUsage),
  },
  {
    name: "stream",
    weight: 24,
    run: (shot) => {
      const headers = { "x-session-id": `session-${shot.i % 50}` };
      const body = completion(shot.i, { max_tokens: 64, stream: true, stream_options: { include_usage: true } });
      return ask(shot, { path: "/v1/completions", headers, body }, hasWholeStream);
    },
  },
  {
    name: "400 kB",
    weight: 4,
    run: (shot) => ask(shot, { path: "/v1/completions", body: longCompletion(shot.i, { max_tokens: 4 }) }, hasUsage),
  },
  {
    name: "400 kB, stream",
    weight: 3,
    run: (shot) => {
      const body = longCompletion(shot.i, { max_tokens: 100, stream: true });
      return ask(shot, { path: "/v1/completions", body }, hasWholeStream);
    },
  },
  {
    name: "rewritten model",
    weight: 4,
    run: (shot) => {
      const headers = { "x-llm-d-model-name-rewrite": "another-model" };
      const stream = shot.i % 2 === 0;
      const body = completion(shot.i, { max_tokens: 8, stream });
      return ask(shot, { path: "/v1/completions", headers, body }, (answer) => namesModel(answer, modelOf(shot.i)));
    },
  },
  {
    name: "echo",
    weight: 4,
    run: (shot) => {
      const body = completion(shot.i, { filling: "x".repeat(Math.floor(shot.random() * 60_000)) });
      return ask(shot, { path: "/echo", body }, (answer) => echoes(answer, body));
    },
  },
  { name: "GET", weight: 6, run: (shot) => ask(shot, { path: "/v1/models", method: "GET" }, hasStatus(200)) },
  { name: "HEAD", weight: 1, run: (shot) => ask(shot, { path: "/v1/models", method: "HEAD" }, hasStatus(200)) },
  { name: "unknown path", weight: 1, run: (shot) => ask(shot, { path: "/nowhere", method: "GET" }, hasStatus(404)) },
];

/** The answer has this status, whatever its body. */
export function hasStatus(status: number): (answer: Answer) => Promise<Ending> {
  return async ({ statusCode, body }) => {
    const text = await body.text();
    return statusCode === status ? well : badStatus(statusCode, text);
  };
}

/** The answer is a stream of events to its end mark. */
export async function hasWholeStream({ statusCode, body }: Answer): Promise<Ending> {
  const text = await body.text();
  if (statusCode !== 200) return badStatus(statusCode, text);
  return text.endsWith("data: [DONE]\n\n")
    ? well
    : bad("cut", `a stream ended with ${JSON.stringify(text.slice(-60))}`);
}

async function hasUsage({ statusCode, body }: Answer): Promise<Ending> {
  const text = await body.text();
  if (statusCode !== 200) return badStatus(statusCode, text);
  return text.includes('"usage":{"prompt_tokens":') && text.endsWith("}") ? well : bad("content", text.slice(-100));
}

async function namesModel({ statusCode, body }: Answer, model: string): Promise<Ending> {
  const text = await body.text();
  if (statusCode !== 200) return badStatus(statusCode, text);
  const names = new Set([...text.matchAll(/"model":"([^"]*)"/g)].map(([, name]) => name));
  return names.size === 1 && names.has(model) ? well : bad("content", `names ${[...names]} instead of ${model}`);
}

async function echoes({ statusCode, body }: Answer, sent: string): Promise<Ending> {
  const text = await body.text();
  if (statusCode !== 200) return badStatus(statusCode, text);
  const { sha256 } = JSON.parse(text) as { readonly sha256: string };
  return sha256 === createHash("sha256").update(sent).digest("hex") ? well : bad("content", "the body was changed");
}
