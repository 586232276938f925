import { createRandom } from "@outrider/core/contract";

/** Targets of a request, in ms. */
export interface Targets {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** One kind of requests of a workload. */
export interface RequestKind {
  readonly name: string;
  /** Share of all requests, in [0, 1]. */
  readonly share: number;
  /** Beginnings that prompts share, some asked for more often than others, and the length of each in tokens. */
  readonly groups: number;
  readonly sharedTokens: number;
  /** Least and most tokens of a prompt's own; any length between is as likely as its double. */
  readonly ownTokens: readonly [number, number];
  /** Mean length of answers, exponentially distributed, and the longest, in tokens. */
  readonly outputTokens: readonly [number, number];
  /** Sent along as headers; default none. */
  readonly targets?: Targets;
}

/** Requests that come at random. */
export interface Workload {
  readonly kinds: readonly RequestKind[];
  /** Mean arrivals a second, Poisson. */
  readonly ratePerS: number;
  readonly seconds: number;
  readonly seed: number;
}

/** One request. */
export interface Asked {
  readonly id: string;
  /** When it is due, in ms from the start. */
  readonly dueMs: number;
  readonly kind: RequestKind;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly outputTokens: number;
}

/** Letters of a token, as the simulated model servers and the host's estimate count them. */
const tokenLetters = 4;

/** The requests of a workload in order of time; the same each time. */
export function makeRequests({ kinds, ratePerS, seconds, seed }: Workload): readonly Asked[] {
  const random = createRandom(seed);
  const requests: Asked[] = [];
  for (let dueMs = 0; ; ) {
    dueMs += (-Math.log(1 - random()) / ratePerS) * 1_000;
    if (dueMs >= 1_000 * seconds) return requests;
    requests.push(makeRequest(`s${seed}r${requests.length}`, dueMs, drawKind(kinds, random()), random));
  }
}

function makeRequest(id: string, dueMs: number, kind: RequestKind, random: () => number): Asked {
  const { name, groups, sharedTokens, targets } = kind;
  const group = Math.floor(random() * random() * groups);
  const [least, most] = kind.ownTokens;
  const ownTokens = Math.round(least * (most / least) ** random());
  const [meanOutput, mostOutput] = kind.outputTokens;
  const outputTokens = Math.min(mostOutput, 2 + Math.floor(-Math.log(1 - random()) * meanOutput));
  const body = JSON.stringify({
    model: "qwen3-32b",
    messages: [
      { role: "system", content: wordsOf(`${name}${group}`, sharedTokens) },
      { role: "user", content: wordsOf(id, ownTokens) },
    ],
    max_tokens: outputTokens,
    stream: true,
    stream_options: { include_usage: true },
  });
  return { id, dueMs, kind, body, headers: toHeaders(id, targets), outputTokens };
}

/** The kind at a place in [0, 1) of all, laid out in order by their shares. */
function drawKind(kinds: readonly RequestKind[], at: number): RequestKind {
  let left = at;
  for (const kind of kinds) {
    if (left < kind.share) return kind;
    left -= kind.share;
  }
  return kinds.at(-1)!;
}

function toHeaders(id: string, targets: Targets | undefined): Record<string, string> {
  const headers = { "content-type": "application/json", "x-request-id": id };
  if (targets === undefined) return headers;
  const { ttftMs, tpotMs } = targets;
  return { ...headers, "x-llm-d-slo-ttft-ms": String(ttftMs), "x-llm-d-slo-tpot-ms": String(tpotMs) };
}

/** Text that no other seed begins with, so many tokens long. */
function wordsOf(seed: string, tokens: number): string {
  const letters = tokenLetters * tokens;
  let text = "";
  for (let i = 0; text.length < letters; i++) text += `${seed} word ${i} `;
  return text.slice(0, letters);
}
