import { describe, expect, it } from "vitest";
import { createRandom } from "../contract/index.ts";
import { pickInputOf } from "./fixtures/pick-inputs.ts";
import { createSoftmaxPicker } from "./softmax-picker.ts";

const DRAWS = 20_000;

function sharesOf(totals: readonly number[], temperature: number, maxNumOfEndpoints = 1): number[] {
  const candidates = Uint32Array.from(totals.keys());
  const input = pickInputOf({ candidates, totals: Float64Array.from(totals), random: createRandom(9) });
  const picker = createSoftmaxPicker("p", { temperature, maxNumOfEndpoints });
  const counts = totals.map(() => 0);
  for (let i = 0; i < DRAWS; i++) counts[picker.pick(input)[0]] += 1;
  return counts.map((count) => count / DRAWS);
}

function expectShares(shares: readonly number[], want: readonly number[]): void {
  for (const [i, share] of shares.entries()) expect(share).toBeCloseTo(want[i], 1);
}

describe("the softmax picker", () => {
  const cases = [
    { title: "picks equal totals as often", totals: [2, 2, 2, 2], temperature: 1 },
    { title: "picks a total higher by the temperature e times as often", totals: [0, 1], temperature: 1 },
    { title: "goes by differences, not by size", totals: [1000, 1001], temperature: 1 },
    { title: "is sharper at a low temperature", totals: [0, 1, 2], temperature: 0.5 },
    { title: "is flatter at a high one", totals: [0, 1, 2], temperature: 4 },
    { title: "takes totals below 0", totals: [-3, -1, -2], temperature: 1 },
  ];
  for (const { title, totals, temperature } of cases) {
    it(title, () => {
      const weights = totals.map((total) => Math.exp((total - Math.max(...totals)) / temperature));
      const sum = weights.reduce((all, weight) => all + weight, 0);
      const want = weights.map((weight) => weight / sum);
      expectShares(sharesOf(totals, temperature), want);
      expectShares(sharesOf(totals, temperature, 2), want);
    });
  }

  it("picks the highest total near temperature 0", () => {
    expect(sharesOf([0.1, 0.3, 0.2], 1e-300)).toEqual([0, 1, 0]);
  });

  it("orders fallbacks by their totals near temperature 0", () => {
    const input = { candidates: Uint32Array.of(4, 5, 6), totals: Float64Array.of(1, 3, 2), random: createRandom(1) };
    const picker = createSoftmaxPicker("p", { temperature: 1e-300, maxNumOfEndpoints: 3 });
    expect(picker.pick(pickInputOf(input))).toEqual([5, 6, 4]);
  });

  it("picks any at random numbers at their ends", () => {
    for (const random of [() => 0, () => 1 - 2 ** -32]) {
      const input = { candidates: Uint32Array.of(4, 5), totals: Float64Array.of(0, 1), random };
      expect(createSoftmaxPicker("p").pick(pickInputOf(input))).toEqual([5]);
    }
  });
});
