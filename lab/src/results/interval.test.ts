import { describe, expect, it } from "vitest";
import { toMeanInterval, tPoint } from "./interval.ts";

describe("mean and interval", () => {
  it("is nothing of no runs", () => {
    expect(toMeanInterval([])).toBeNull();
  });

  it("has no interval of one run", () => {
    expect(toMeanInterval([7])).toEqual({ mean: 7, low: null, high: null, count: 1, alike: true });
  });

  it("has no interval of runs that are all alike", () => {
    expect(toMeanInterval([0.1, 0.1, 0.1])).toEqual({ mean: 0.1, low: null, high: null, count: 3, alike: true });
  });

  it("has the interval of the textbook", () => {
    const { mean, low, high } = toMeanInterval([2, 4, 4, 4, 5, 5, 7, 9]) ?? { mean: 0, low: 0, high: 0 };
    expect(mean).toBe(5);
    expect([low, high].map((end) => end?.toFixed(3))).toEqual(["3.213", "6.787"]);
  });

  for (const [freedom, want] of [
    [1, 12.7062],
    [4, 2.7764],
    [30, 2.0423],
    [31, 2.0395],
    [60, 2.0003],
    [1e6, 1.96],
  ] as const) {
    it(`takes ${want} for ${freedom} degrees of freedom`, () => {
      expect(tPoint(freedom)).toBeCloseTo(want, 3);
    });
  }
});
