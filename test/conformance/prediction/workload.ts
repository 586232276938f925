import { createRandom } from "@outrider/core";

/** One request of a workload. */
export interface WorkRequest {
  readonly id: number;
  readonly atMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Which beginning it shares with others, and how long that is. */
  readonly family: number;
  readonly sharedTokens: number;
  /** Content of its blocks of 16 tokens. */
  readonly blockKeys: Float64Array;
}

const blockTokens = 16;
const families = 40;
const [leastOwnTokens, mostOwnTokens] = [100, 8_000];
const meanOutputTokens = 250;
/** Time in which the rate of arrivals swings by a radian, short against the time in which accuracy is measured. */
const swingMs = 2_000;

/** Prompts of 40 families with a beginning in common and a part of their own, short and long, arriving at random. */
export function* createWorkload(ratePerS: number, seed: number): Generator<WorkRequest, never> {
  const random = createRandom(seed);
  let key = 0;
  const newKeys = (tokens: number) => Float64Array.from({ length: Math.floor(tokens / blockTokens) }, () => ++key);
  const beginnings = Array.from({ length: families }, () => newKeys(500 + 3_000 * random()));
  let atMs = 0;
  for (let id = 1; ; id++) {
    const rate = ratePerS * (1 + 0.5 * Math.sin(atMs / swingMs));
    atMs += (-Math.log(1 - random()) * 1_000) / rate;
    const family = Math.floor(random() * random() * families);
    const beginning = beginnings[family]!;
    const ownTokens = Math.floor(leastOwnTokens * (mostOwnTokens / leastOwnTokens) ** random());
    const blockKeys = Float64Array.from([...beginning, ...newKeys(ownTokens)]);
    const sharedTokens = beginning.length * blockTokens;
    const promptTokens = sharedTokens + ownTokens;
    const outputTokens = 1 + Math.floor(-Math.log(1 - random()) * meanOutputTokens);
    yield { id, atMs, promptTokens, outputTokens, family, sharedTokens, blockKeys };
  }
}
