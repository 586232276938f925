import { createRandom } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { type Arrivals, arrivalTimes, isEndless } from "./arrivals.ts";

const timesOf = (spec: Arrivals, seed = 1) => [...arrivalTimes(spec, createRandom(seed))];
const countIn = (times: readonly number[], fromMs: number, toMs: number) =>
  times.filter((time) => time >= fromMs && time < toMs).length;
/** Standard deviation of the gaps, in means. */
const variationOf = (times: readonly number[]) => {
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  return Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) / mean;
};

describe("arrivalTimes", () => {
  it("spaces constant arrivals evenly from 0", () => {
    expect(timesOf({ kind: "constant", rate: 4, for: 1_000 })).toEqual([0, 250, 500, 750]);
  });

  it("goes from stage to stage without losing or adding a request", () => {
    const ladder = [2, 5, 8, 10, 12, 15, 20].map((rate) => ({ rate, for: 50_000 }));
    const times = timesOf({ kind: "constant", stages: ladder });
    expect(ladder.map((_, i) => countIn(times, i * 50_000, (i + 1) * 50_000))).toEqual([
      100, 250, 400, 500, 600, 750, 1000,
    ]);
  });

  it("keeps still while a rate is 0", () => {
    const busy = { rate: 10, for: 1_000 };
    const stages = [busy, { rate: 0, for: 60_000 }, busy];
    const times = timesOf({ kind: "constant", stages });
    expect([countIn(times, 0, 1_000), countIn(times, 1_000, 61_000), times.length]).toEqual([10, 0, 20]);
  });

  it("grows evenly where a stage does", () => {
    const times = timesOf({ kind: "constant", stages: [{ from: 0, to: 20, for: 100_000 }] });
    expect([times.length, countIn(times, 0, 50_000)]).toEqual([1000, 250]);
  });

  it("falls to nothing and ends", () => {
    const times = timesOf({ kind: "constant", stages: [{ from: 20, to: 0, for: 100_000 }] });
    expect([times.length, countIn(times, 0, 50_001)]).toEqual([1000, 751]);
  });

  const kinds: readonly { title: string; spec: Arrivals; variation: readonly [number, number] }[] = [
    { title: "poisson", spec: { kind: "poisson", rate: 50, for: 400_000 }, variation: [0.97, 1.03] },
    { title: "gamma in bursts", spec: { kind: "gamma", rate: 50, for: 400_000, variation: 3 }, variation: [2.7, 3.3] },
    {
      title: "gamma nearly even",
      spec: { kind: "gamma", rate: 50, for: 400_000, variation: 0.2 },
      variation: [0.19, 0.21],
    },
    { title: "on-off", spec: { kind: "on-off", rate: 50, for: 400_000, on: 1_000, off: 3_000 }, variation: [10, 11.5] },
  ];
  for (const { title, spec, variation } of kinds) {
    it(`keeps the rate and the variation of ${title}`, () => {
      const times = timesOf(spec);
      expect(times.length / 20_000).toBeGreaterThan(0.95);
      expect(times.length / 20_000).toBeLessThan(1.05);
      expect(variationOf(times)).toBeGreaterThan(variation[0]);
      expect(variationOf(times)).toBeLessThan(variation[1]);
      expect(times.every((time, i) => time >= (times[i - 1] ?? 0) && time < 400_000)).toBe(true);
    });
  }

  it("sends nothing outside of bursts", () => {
    const times = timesOf({ kind: "on-off", rate: 50, for: 40_000, on: 1_000, off: 3_000 });
    expect(times.every((time) => time % 4_000 < 1_000)).toBe(true);
  });

  it("ends at its limit", () => {
    expect(timesOf({ kind: "poisson", rate: 1, limit: 3 })).toHaveLength(3);
  });

  it("draws the same with the same seed, and something else with another", () => {
    const spec: Arrivals = { kind: "gamma", rate: 10, limit: 50, variation: 2 };
    expect(timesOf(spec, 7)).toEqual(timesOf(spec, 7));
    expect(timesOf(spec, 7)).not.toEqual(timesOf(spec, 8));
  });

  it("tells those that never end by themselves", () => {
    expect(isEndless({ kind: "poisson", rate: 1 })).toBe(true);
    for (const end of [{ for: 1 }, { limit: 1 }]) expect(isEndless({ kind: "poisson", rate: 1, ...end })).toBe(false);
  });
});
