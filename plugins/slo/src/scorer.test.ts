import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { latencyScorer, slo } from "./index.ts";
import { chanceWithin } from "./probability.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };

for (const [where, open] of Object.entries(placements)) {
  for (const scorer of [slo, latencyScorer]) {
    describe(`${scorer.type}, ${where}, keeps the scorer contract`, () => {
      for (const { title, run } of scorerContract) it(title, async () => run(await open(scorer)), 20_000);
    });
  }
}

const unknown = Number.NaN;
const pool = [{}, {}, {}];

interface Case {
  readonly title: string;
  readonly request: { readonly sloTtftMs?: number; readonly sloTpotMs?: number };
  readonly ttft?: readonly number[];
  readonly ttftP90?: readonly number[];
  readonly tpot?: readonly number[];
  readonly tpotP90?: readonly number[];
  readonly want: readonly number[];
  readonly reason?: string;
}

const nothing = [unknown, unknown, unknown];

function ask({ request, ttft = nothing, ttftP90 = nothing, tpot = nothing, tpotP90 = nothing }: Case) {
  const scores = new Float32Array(3).fill(unknown);
  const data = {
    "data.predicted_ttft_ms": ttft,
    "data.predicted_ttft_ms_p90": ttftP90,
    "data.predicted_tpot_ms": tpot,
    "data.predicted_tpot_ms_p90": tpotP90,
  };
  const reason = slo.create({}).score(fakeCall({ pool, request, data }), scores);
  return { reason, scores: [...scores].map((score) => Math.round(100 * score) / 100) };
}

describe("slo", () => {
  const cases: readonly Case[] = [
    {
      title: "abstains without a target, and says so",
      request: {},
      ttft: [100, 100, 100],
      ttftP90: [150, 150, 150],
      want: nothing,
      reason: "no TTFT or TPOT target",
    },
    {
      title: "scores the chance that the first token comes in time: 0.9 at the 90th percentile",
      request: { sloTtftMs: 150 },
      ttft: [100, 10, 900],
      ttftP90: [150, 15, 1_350],
      want: [0.9, 1, 0],
    },
    {
      title: "multiplies the chances of both targets",
      request: { sloTtftMs: 150, sloTpotMs: 15 },
      ttft: [100, 10, 100],
      ttftP90: [150, 15, 150],
      tpot: [10, 10, 1],
      tpotP90: [15, 15, 1.5],
      want: [0.81, 0.9, 0.9],
    },
    {
      title: "goes by the target that is set alone (defect: unset SLO makes headroom negative)",
      request: { sloTpotMs: 15 },
      ttft: [9_000, 9_000, 9_000],
      ttftP90: [9_900, 9_900, 9_900],
      tpot: [10, 1, 100],
      tpotP90: [15, 1.5, 150],
      want: [0.9, 1, 0],
    },
    {
      title: "abstains where nothing is predicted",
      request: { sloTtftMs: 150 },
      ttft: [100, unknown, 100],
      ttftP90: [150, unknown, 150],
      want: [0.9, unknown, 0.9],
      reason: "nothing predicted at 1 of 3",
    },
    {
      title: "abstains where what a target is about is not predicted",
      request: { sloTtftMs: 150, sloTpotMs: 15 },
      ttft: [100, 100, 100],
      ttftP90: [150, 150, 150],
      want: nothing,
      reason: "nothing predicted at 3 of 3",
    },
  ];
  for (const { reason, want, ...given } of cases) {
    it(given.title, () => expect(ask({ ...given, want })).toEqual({ reason, scores: want }));
  }
});

describe("the chance that a log-normal duration is in time", () => {
  const table = [
    { limitMs: 100, meanMs: 100, p90Ms: 100, want: 0.51 },
    { limitMs: 110, meanMs: 100, p90Ms: 90, want: 0.974 },
    { limitMs: 1_000, meanMs: 100, p90Ms: 5_000, want: 0.993 },
    { limitMs: 1, meanMs: 1e9, p90Ms: 2e9, want: 0 },
    { limitMs: 4_294_967_295, meanMs: 1, p90Ms: 2, want: 1 },
  ];
  for (const { limitMs, meanMs, p90Ms, want } of table) {
    it(`is ${want} for ${limitMs} ms of ${meanMs}, p90 ${p90Ms}`, () => {
      expect(chanceWithin(limitMs, meanMs, p90Ms)).toBeCloseTo(want, 2);
    });
  }

  it("is unknown where the prediction is", () => {
    for (const [meanMs, p90Ms] of [
      [0, 10],
      [10, unknown],
      [unknown, 10],
      [-1, 10],
    ] as const) {
      expect(chanceWithin(100, meanMs, p90Ms)).toBeNaN();
    }
  });

  it("grows with the time there is", () => {
    const chances = Array.from({ length: 100 }, (_, i) => chanceWithin(1 + 10 * i, 300, 500));
    expect(chances).toEqual(chances.toSorted((a, b) => a - b));
    expect(Math.min(...chances)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...chances)).toBeLessThanOrEqual(1);
  });
});
