import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, ask } from "./ask.ts";
import { aborted, bad, badStatus, type Ending, well } from "./ending.ts";
import { hasWholeStream } from "./plain-kinds.ts";
import { chat, completion, longCompletion } from "./prompts.ts";
import type { RequestKind, Shot } from "./request-kind.ts";

const events = 64;
const eventBytes = 16_384;

/** Clients that are slow, and clients that go away, each in another phase. */
export const slowKinds: readonly RequestKind[] = [
  {
    name: "slow reader",
    weight: 3,
    run: (shot) => {
      const path = `/sse?chunks=${events}&bytes=${eventBytes}`;
      return ask(shot, { path, method: "GET" }, (answer) => readSlowly(answer));
    },
  },
  {
    name: "slow sender",
    weight: 3,
    run: (shot) => {
      const body = completion(shot.i, { max_tokens: 8, stream: true });
      return ask(shot, { path: "/v1/completions", body: () => dribble(body, 8, 60) }, hasWholeStream);
    },
  },
  {
    name: "gone while sending",
    weight: 4,
    run: (shot) => {
      const body = longCompletion(shot.i, { max_tokens: 8 });
      const goesAway = AbortSignal.timeout(5 + Math.floor(shot.random() * 200));
      return ask(shot, { path: "/v1/completions", body: () => dribble(body, 20, 15), goesAway }, readAll);
    },
  },
  {
    name: "gone at once",
    weight: 4,
    run: (shot) => {
      const body = completion(shot.i, { max_tokens: 400, stream: true });
      const goesAway = AbortSignal.timeout(Math.floor(shot.random() * 10));
      return ask(shot, { path: "/v1/completions", body, goesAway }, readAll);
    },
  },
  {
    name: "gone while waiting",
    weight: 4,
    run: (shot) => {
      const body = chat(shot.i, { max_tokens: 2000 });
      const goesAway = AbortSignal.timeout(10 + Math.floor(shot.random() * 100));
      return ask(shot, { path: "/v1/chat/completions", body, goesAway }, readAll);
    },
  },
  { name: "gone while reading", weight: 4, run: leaveWhileReading },
];

/** Leaves after the first bytes of an answer. */
function leaveWhileReading(shot: Shot): Promise<Ending> {
  const leaving = new AbortController();
  const body = completion(shot.i, { max_tokens: 2000, stream: true });
  return ask(shot, { path: "/v1/completions", body, goesAway: leaving.signal }, async ({ statusCode, body }) => {
    if (statusCode !== 200) return badStatus(statusCode, await body.text());
    for await (const _ of body) leaving.abort();
    return aborted;
  });
}

async function readSlowly({ statusCode, body }: Answer): Promise<Ending> {
  if (statusCode !== 200) return badStatus(statusCode, await body.text());
  let bytes = 0;
  let reads = 0;
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length;
    if (reads++ < 40) await sleep(25);
  }
  return bytes > events * eventBytes ? well : bad("cut", `${bytes} bytes of a stream of ${events * eventBytes}`);
}

/** A body in some parts with pauses between them. */
async function* dribble(body: string, parts: number, pauseMs: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(body);
  const step = Math.ceil(bytes.length / parts);
  for (let at = 0; at < bytes.length; at += step) {
    yield bytes.subarray(at, at + step);
    await sleep(pauseMs);
  }
}

/** Whoever was to leave and was answered before that is well too. */
async function readAll({ statusCode, body }: Answer): Promise<Ending> {
  const text = await body.text();
  return statusCode === 200 ? well : badStatus(statusCode, text);
}
