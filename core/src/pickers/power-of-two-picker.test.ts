import { describe, expect, it } from "vitest";
import { createRandom } from "../contract/index.ts";
import { pickInputOf } from "./fixtures/pick-inputs.ts";
import { createPowerOfTwoPicker, type PowerOfTwoOptions } from "./power-of-two-picker.ts";

const DRAWS = 20_000;

function sharesOf(totals: readonly number[], options: PowerOfTwoOptions, place = 0): number[] {
  const candidates = Uint32Array.from(totals.keys());
  const input = pickInputOf({ candidates, totals: Float64Array.from(totals), random: createRandom(9) });
  const picker = createPowerOfTwoPicker("p", options);
  const counts = totals.map(() => 0);
  for (let i = 0; i < DRAWS; i++) counts[picker.pick(input)[place]] += 1;
  return counts.map((count) => count / DRAWS);
}

describe("the power-of-two picker", () => {
  const cases = [
    {
      title: "picks the better of two draws: the i-th best of n with 2(n − i) ÷ n(n − 1)",
      choices: 2,
      want: [0, 1 / 6, 2 / 6, 3 / 6],
    },
    { title: "picks any with one choice", choices: 1, want: [1 / 4, 1 / 4, 1 / 4, 1 / 4] },
    { title: "picks the best of three draws", choices: 3, want: [0, 0, 1 / 4, 3 / 4] },
    { title: "picks the best of all with as many choices", choices: 9, want: [0, 0, 0, 1] },
  ];
  for (const { title, choices, want } of cases) {
    it(title, () => {
      for (const [i, share] of sharesOf([1, 2, 3, 4], { choices }).entries()) expect(share).toBeCloseTo(want[i], 1);
    });
  }

  it("picks each of equal totals as often", () => {
    for (const share of sharesOf([7, 7, 7], {})) expect(share).toBeCloseTo(1 / 3, 1);
  });

  it("finds fallbacks among the rest as it finds the pick", () => {
    const shares = sharesOf([1, 2, 3], { choices: 9, maxNumOfEndpoints: 2 }, 1);
    expect(shares).toEqual([0, 1, 0]);
  });
});
