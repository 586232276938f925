import { describe, expect, it } from "vitest";
import { callAbout, type GivenCall } from "./fixtures/calls.ts";
import { createPrefixCacheAffinityFilter, type PrefixCacheAffinityOptions } from "./prefix-cache-affinity-filter.ts";
import { createSloHeadroomTierFilter } from "./slo-headroom-tier-filter.ts";

const unknown = Number.NaN;
const four = [{}, {}, {}, {}];
const predicted = (ttft: readonly number[], tpot: readonly number[] = [unknown, unknown, unknown, unknown]) => ({
  "data.predicted_ttft_ms": ttft,
  "data.predicted_tpot_ms": tpot,
});

describe("the slo-headroom-tier filter", () => {
  const filter = createSloHeadroomTierFilter("tiers", { epsilonExploreNeg: 0 });
  const target = (sloTtftMs: number, sloTpotMs = 0) => ({ facts: { sloTtftMs, sloTpotMs } });
  const cases: readonly { readonly title: string; readonly given: GivenCall; readonly want: readonly number[] }[] = [
    {
      title: "keeps those that are to meet the target, to the millisecond",
      given: { ...target(100), data: predicted([99, 100, 101, 500]) },
      want: [0, 1],
    },
    {
      title: "demands both targets",
      given: { ...target(100, 20), data: predicted([50, 50, 150, 150], [10, 30, 10, 30]) },
      want: [0],
    },
    {
      title: "keeps all where none is to meet it",
      given: { ...target(10), data: predicted([50, 60, 70, 80]) },
      want: [0, 1, 2, 3],
    },
    {
      title: "takes a target that is not set for met (defect: unset SLO makes headroom negative)",
      given: { ...target(100), data: predicted([50, 150, 50, 150], [900, 900, 900, 900]) },
      want: [0, 2],
    },
    {
      title: "keeps all without a target (defect: unset SLO makes headroom negative)",
      given: { data: predicted([50, 150, 50, 150], [9, 9, 9, 9]) },
      want: [0, 1, 2, 3],
    },
    { title: "keeps all where nothing is predicted", given: target(100, 20), want: [0, 1, 2, 3] },
    {
      title: "does not take one of which nothing is predicted for one that meets the target",
      given: { ...target(100), data: predicted([50, unknown, 200, unknown]) },
      want: [0],
    },
  ];
  for (const { title, given, want } of cases) {
    it(title, () => expect([...filter.filter(callAbout(four, given))]).toEqual(want));
  }

  it("sends a share of the requests to the others, by the seed", () => {
    const exploring = createSloHeadroomTierFilter("tiers", { epsilonExploreNeg: 0.1 });
    const given = { ...target(100), data: predicted([50, 150, 50, unknown]) };
    const kept = (seed: number) => [...exploring.filter(callAbout(four, { ...given, seed }))].join();
    const seen = Array.from({ length: 2_000 }, (_, seed) => kept(seed));
    expect(new Set(seen)).toEqual(new Set(["0,2", "1,3"]));
    const share = seen.filter((slots) => slots === "1,3").length / seen.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.02);
    expect(kept(7)).toBe(kept(7));
  });
});

describe("the prefix-cache-affinity filter", () => {
  const defaults: PrefixCacheAffinityOptions = {
    affinityThreshold: 0.8,
    explorationProbability: 0,
    maxTTFTPenaltyMs: 1_000,
    ttftSource: "latencyPredictor",
    peakPrefillThroughput: 1_000,
  };
  const match = (...blocks: readonly number[]) => ({
    "data.prefix_match_blocks": blocks,
    "data.prefix_total_blocks": blocks.map(() => 10),
  });
  const inflight = (...promptTokens: readonly number[]) => {
    const idle = new Float32Array(promptTokens.length);
    return { requests: idle, outputTokens: idle, promptTokens: Float32Array.from(promptTokens) };
  };
  const byThroughput = { ttftSource: "prefillThroughput" } as const;
  const cases: readonly {
    readonly title: string;
    readonly options?: Partial<PrefixCacheAffinityOptions>;
    readonly given: GivenCall;
    readonly want: readonly number[];
  }[] = [
    {
      title: "keeps those that have enough of the prefix",
      given: { data: { ...match(8, 7, 10, 0), ...predicted([10, 10, 10, 10]) } },
      want: [0, 2],
    },
    { title: "keeps all where none has it", given: { data: match(1, 7, 0, 0) }, want: [0, 1, 2, 3] },
    { title: "keeps all where the prompt has no whole block", given: {}, want: [0, 1, 2, 3] },
    {
      title: "keeps all where the best of them takes too much longer than the best of the others",
      given: { data: { ...match(10, 9, 0, 0), ...predicted([1_200, 5_000, 150, 400]) } },
      want: [0, 1, 2, 3],
    },
    {
      title: "keeps them up to the penalty",
      given: { data: { ...match(10, 9, 0, 0), ...predicted([1_150, 5_000, 150, 400]) } },
      want: [0, 1],
    },
    {
      title: "keeps them at any price without a penalty",
      options: { maxTTFTPenaltyMs: 0 },
      given: { data: { ...match(10, 0, 0, 0), ...predicted([9e6, 1, 1, 1]) } },
      want: [0],
    },
    {
      title: "does not hold against them what is not known",
      given: { data: { ...match(10, 9, 0, 0), ...predicted([unknown, unknown, 150, 400]) } },
      want: [0, 1],
    },
    {
      title: "takes prompt tokens in flight for TTFT",
      options: byThroughput,
      given: { data: match(10, 0, 0, 0), inflight: inflight(1_101, 100, 2_000, 2_000) },
      want: [0, 1, 2, 3],
    },
    {
      title: "takes as many prompt tokens as the penalty is worth",
      options: byThroughput,
      given: { data: match(10, 0, 0, 0), inflight: inflight(1_100, 100, 2_000, 2_000) },
      want: [0],
    },
  ];
  for (const { title, options, given, want } of cases) {
    it(title, () => {
      const filter = createPrefixCacheAffinityFilter("sticky", { ...defaults, ...options });
      expect([...filter.filter(callAbout(four, given))]).toEqual(want);
    });
  }

  it("lets a share of the requests go anywhere, by the seed", () => {
    const filter = createPrefixCacheAffinityFilter("sticky", { ...defaults, explorationProbability: 0.2 });
    const data = match(10, 0, 0, 0);
    const sizes = Array.from({ length: 2_000 }, (_, seed) => filter.filter(callAbout(four, { data, seed })).length);
    expect(Math.abs(sizes.filter((size) => size === 4).length / sizes.length - 0.2)).toBeLessThan(0.03);
  });
});
