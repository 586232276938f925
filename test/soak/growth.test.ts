import { describe, expect, it } from "vitest";
import { growthOf, medianOf } from "./growth.ts";

/** A reading every hundredth of a run. */
function run(valueAt: (at: number) => number) {
  return Array.from({ length: 101 }, (_, i) => ({ at: i / 100, value: valueAt(i / 100) }));
}

const cases = [
  { title: "is 0 where the level stays", valueAt: () => 200, want: 0 },
  {
    title: "does not count what was taken before 25 %",
    valueAt: (at: number) => (at < 0.25 ? at * 400 : 100),
    want: 0,
  },
  { title: "does not count peaks", valueAt: (at: number) => (Math.round(at * 100) % 4 === 0 ? 900 : 100), want: 0 },
  { title: "is seen where the level rises steadily", valueAt: (at: number) => 100 + at * 100, want: 195 / 130 - 1 },
  { title: "is seen where it begins late", valueAt: (at: number) => (at < 0.85 ? 100 : 120), want: 0.2 },
  { title: "is below 0 where the level falls", valueAt: (at: number) => (at < 0.5 ? 100 : 50), want: -0.5 },
];
describe("growth", () => {
  for (const { title, valueAt, want } of cases) it(title, () => expect(growthOf(run(valueAt))).toBeCloseTo(want, 10));

  it("is no number where there is no level to grow from, or the run ended early", () => {
    expect(growthOf(run(() => 0))).toBeNaN();
    expect(growthOf(run(() => 1).filter(({ at }) => at < 0.8))).toBeNaN();
  });
});

describe("a median", () => {
  it("is the middle, or between the two middle ones", () => {
    expect([medianOf([3, 1, 2]), medianOf([4, 1, 3, 2]), medianOf([7]), medianOf([])]).toEqual([2, 2.5, 7, Number.NaN]);
  });
});
