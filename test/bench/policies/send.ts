import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Asked } from "./requests.ts";

/** What came of one request. Times are the client's, from when the request was due. */
export interface Answered {
  readonly asked: Asked;
  /** To the first piece of the answer, which holds its first token. */
  readonly ttftMs: number;
  /** Mean gap between tokens behind the first. */
  readonly tpotMs: number;
  /** Prompt tokens as the model server counted them, and of these found in its prefix cache. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** What came of all. */
export interface Replayed {
  /** Those that were answered to the end. */
  readonly answered: readonly Answered[];
  /** Why the others were not. */
  readonly failures: readonly string[];
  /** How much later than due each was sent, in ms. */
  readonly lateMs: readonly number[];
}

/** Longest time that answers are waited for behind the last request, in ms. */
const patienceMs = 120_000;

/** Open loop: sends each request when it is due, whether earlier ones are answered or not. @param gateway `ip:port`. */
export async function sendAll(gateway: string, requests: readonly Asked[]): Promise<Replayed> {
  const dispatcher = new Agent({ connections: 512, headersTimeout: patienceMs, bodyTimeout: patienceMs });
  const answered: Answered[] = [];
  const lateMs: number[] = [];
  const pending: Promise<void>[] = [];
  const failures: string[] = [];
  const startMs = performance.now();
  for (const asked of requests) {
    const dueMs = startMs + asked.dueMs;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    lateMs.push(performance.now() - dueMs);
    const done = sendOne(`http://${gateway}/v1/chat/completions`, asked, dueMs, dispatcher).then(
      (answer) => void answered.push(answer),
      (error: unknown) => void failures.push(error instanceof Error ? error.message : String(error)),
    );
    pending.push(done);
  }
  await Promise.all(pending);
  await dispatcher.close();
  return { answered, failures, lateMs };
}

async function sendOne(url: string, asked: Asked, dueMs: number, dispatcher: Agent): Promise<Answered> {
  const { headers, body: sent, outputTokens } = asked;
  const { statusCode, body } = await request(url, { method: "POST", headers, body: sent, dispatcher });
  let firstMs = Number.NaN;
  let lastMs = Number.NaN;
  let end = "";
  for await (const chunk of body as AsyncIterable<Buffer>) {
    lastMs = performance.now();
    if (Number.isNaN(firstMs)) firstMs = lastMs;
    end = (end + chunk.toString("latin1")).slice(-endLetters);
  }
  if (statusCode !== 200 || !end.endsWith("data: [DONE]\n\n")) throw new Error(`${statusCode}: ${end}`);
  const [, promptTokens, cachedTokens] = usage.exec(end) ?? [];
  if (cachedTokens === undefined) throw new Error(`no usage in ${end}`);
  return {
    asked,
    ttftMs: firstMs - dueMs,
    tpotMs: (lastMs - firstMs) / (outputTokens - 1),
    promptTokens: Number(promptTokens),
    cachedTokens: Number(cachedTokens),
  };
}

/** Enough of an answer's end for the usage. */
const endLetters = 1_000;
const usage = /"usage":\{"prompt_tokens":(\d+),.*"cached_tokens":(\d+)/;
