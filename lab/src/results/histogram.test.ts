import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHistogram, quantileError } from "./histogram.ts";

describe("histogram", () => {
  it("says nothing of no values", () => {
    const histogram = createHistogram();
    expect([histogram.count, histogram.sum, histogram.mean, histogram.min, histogram.max]).toEqual([
      0,
      0,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect(histogram.quantile(0.5)).toBeNaN();
  });

  const odd = [
    { title: "leaves NaN out", values: [Number.NaN, 5], count: 1, mean: 5 },
    {
      title: "leaves Infinity out",
      values: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5],
      count: 1,
      mean: 5,
    },
    { title: "counts what is below 0 as 0", values: [-1e-12, 4], count: 2, mean: 2 },
    { title: "keeps zeros", values: [0, 0, 0], count: 3, mean: 0 },
    { title: "keeps what is beyond its largest bucket", values: [1e15], count: 1, mean: 1e15 },
    { title: "keeps what is below its smallest bucket", values: [1e-9], count: 1, mean: 1e-9 },
  ];
  for (const { title, values, count, mean } of odd) {
    it(title, () => {
      const histogram = createHistogram();
      for (const value of values) histogram.record(value);
      expect([histogram.count, histogram.mean]).toEqual([count, mean]);
      expect(histogram.quantile(0.5)).toBeLessThanOrEqual(histogram.max);
      expect(histogram.quantile(0.5)).toBeGreaterThanOrEqual(histogram.min);
    });
  }

  it("counts weights of 0 as nothing", () => {
    const histogram = createHistogram();
    histogram.record(7, 0);
    expect(histogram.count).toBe(0);
    expect(histogram.max).toBeNaN();
  });

  it("keeps every quantile within its error of the value of its rank", () => {
    const values = fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (sample, q) => {
        const histogram = createHistogram();
        for (const value of sample) histogram.record(value);
        const sorted = sample.toSorted((a, b) => a - b);
        const want = sorted[Math.max(0, Math.ceil(q * sample.length) - 1)] ?? Number.NaN;
        expect(Math.abs(histogram.quantile(q) - want)).toBeLessThanOrEqual(1.001 * quantileError * want);
      }),
    );
  });

  it("weighs a value as if it had come so often", () => {
    const once = createHistogram();
    const often = createHistogram();
    for (const [value, weight] of [
      [3, 4],
      [90, 1],
      [12, 9],
    ] as const) {
      once.record(value, weight);
      for (let i = 0; i < weight; i++) often.record(value);
    }
    expect(once.mean).toBe(often.mean);
    expect(once.quantile(0.9)).toBe(often.quantile(0.9));
  });

  it("keeps the mean of ten million values of very different size", () => {
    const histogram = createHistogram();
    histogram.record(1e15);
    for (let i = 0; i < 10_000; i++) histogram.record(0.1, 1000);
    expect(histogram.sum - 1e15).toBeCloseTo(1e6, 3);
  });
});
