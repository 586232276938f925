import { describe, expect, it } from "vitest";
import { type Accuracy, type Outcome, rate, type Scenario } from "./scenario.ts";
import { simulate } from "./simulate.ts";

const fast = "qwen3-32b:h100:2";
const slow = "qwen3-32b:a100:2";
const alike = Array.from({ length: 6 }, () => fast);
const twoKinds = [fast, fast, fast, slow, slow, slow];
const half = (first: number, second: number) => [first, first, first, second, second, second];

const steady: readonly (Pick<Scenario, "engines" | "ratePerS" | "pick"> & { readonly title: string })[] = [
  { title: "engines of one kind, lightly loaded", engines: alike, ratePerS: 6, pick: "two" },
  { title: "engines of one kind, busy", engines: alike, ratePerS: 15, pick: "two" },
  { title: "two kinds of hardware", engines: twoKinds, ratePerS: 6, pick: "two" },
  { title: "two kinds of hardware, busy", engines: twoKinds, ratePerS: 10, pick: "two" },
  { title: "two kinds of hardware, of which the predictions choose", engines: twoKinds, ratePerS: 12, pick: "fastest" },
];

describe("predicted-latency-producer, behind its first 2,000 requests", () => {
  for (const { title, ...pool } of steady) {
    it(`errs by at most half as much as a running mean, and a tenth lies above its p90: ${title}`, async () => {
      const accuracy = rate((await simulate({ ...pool, requests: 5_200, seed: 1 })).slice(2_000, 5_000));
      expect(accuracy.errorMs).toBeLessThan(accuracy.runningMeanErrorMs / 2);
      expect(accuracy.ttftCovered).toBeGreaterThanOrEqual(0.87);
      expect(accuracy.ttftCovered).toBeLessThanOrEqual(0.93);
      expect(accuracy.tpotCovered).toBeGreaterThan(0.85);
      expect(accuracy.tpotCovered).toBeLessThan(0.95);
    });
  }

  it("says the same of the same requests, whenever it is asked", async () => {
    const scenario: Scenario = { engines: twoKinds, ratePerS: 10, requests: 400, seed: 9, pick: "fastest" };
    expect(await simulate(scenario)).toEqual(await simulate(scenario));
  });
});

/** What changes at request 2,500 of engines that are alike; how long each takes from then on, and before. */
const steps: readonly {
  readonly title: string;
  readonly ratePerS: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Whether the load stays bearable, so that times before and after compare. */
  readonly compares: boolean;
}[] = [
  { title: "all become faster", ratePerS: 10, before: half(1, 1), after: half(0.5, 0.5), compares: true },
  { title: "half become faster, half slower", ratePerS: 10, before: half(1, 1), after: half(0.5, 1.5), compares: true },
  { title: "fast and slow change places", ratePerS: 8, before: half(1, 2), after: half(2, 1), compares: false },
  { title: "all become slower", ratePerS: 5, before: half(1, 1), after: half(1.5, 1.5), compares: false },
];
const changeAt = 2_500;
const seeds = [1, 2, 3, 4];

/** Outcomes of all seeds, where the engines change at some request. */
async function runSteps(
  ratePerS: number,
  changes: NonNullable<Scenario["changes"]>,
): Promise<readonly (readonly Outcome[])[]> {
  const run = (seed: number) => simulate({ engines: alike, ratePerS, requests: 3_800, seed, pick: "two", changes });
  return Promise.all(seeds.map(run));
}

function rateAll(runs: readonly (readonly Outcome[])[], from: number, to: number): Accuracy {
  return rate(runs.flatMap((outcomes) => outcomes.slice(from, to)));
}

describe("predicted-latency-producer, 500 to 1,000 requests behind a change", () => {
  for (const { title, ratePerS, before, after, compares } of steps) {
    it(`errs little more than ${compares ? "before" : "had it never known another time"}: ${title}`, async () => {
      const changed = await runSteps(ratePerS, [
        { atRequest: 0, slowdowns: before },
        { atRequest: changeAt, slowdowns: after },
      ]);
      const settled = rateAll(changed, changeAt + 500, changeAt + 1_000);
      const unchanged = compares
        ? rateAll(changed, 1_500, changeAt)
        : rateAll(await runSteps(ratePerS, [{ atRequest: 0, slowdowns: after }]), changeAt + 500, changeAt + 1_000);
      expect(settled.errorMs).toBeLessThan(1.2 * unchanged.errorMs);
      expect(settled.errorMs).toBeLessThan(settled.runningMeanErrorMs / 2);
      expect(settled.ttftCovered).toBeGreaterThan(0.85);
    });
  }
});
