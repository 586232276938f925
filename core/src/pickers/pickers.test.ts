import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../contract/index.ts";
import type { Picker } from "../cycle/types.ts";
import { createConsistentHashPicker } from "./consistent-hash-picker.ts";
import { pickInputOf } from "./fixtures/pick-inputs.ts";
import { createMaxScorePicker } from "./max-score-picker.ts";
import { createPowerOfTwoPicker } from "./power-of-two-picker.ts";
import { createRandomPicker } from "./random-picker.ts";
import { createRoundRobinPicker } from "./round-robin-picker.ts";
import { createSoftmaxPicker } from "./softmax-picker.ts";
import { createWeightedRandomPicker } from "./weighted-random-picker.ts";

const DRAWS = 20_000;

function pick(picker: Picker, totals: readonly number[], seed = 1): number[] {
  const candidates = Uint32Array.from(totals, (_, i) => 10 * i);
  return picker.pick(pickInputOf({ candidates, totals: Float64Array.from(totals), random: createRandom(seed) }));
}

/** Share of each candidate among many picks. */
function sharesOf(picker: Picker, totals: readonly number[]): number[] {
  const random = createRandom(9);
  const candidates = Uint32Array.from(totals, (_, i) => i);
  const counts = totals.map(() => 0);
  const input = pickInputOf({ candidates, totals: Float64Array.from(totals), random });
  for (let i = 0; i < DRAWS; i++) counts[picker.pick(input)[0]]++;
  return counts.map((count) => count / DRAWS);
}

type Make = (name: string, options?: { readonly maxNumOfEndpoints?: number }) => Picker;

const makers: Readonly<Record<string, Make>> = {
  "max-score-picker": createMaxScorePicker,
  "random-picker": createRandomPicker,
  "weighted-random-picker": createWeightedRandomPicker,
  softmax: createSoftmaxPicker,
  "power-of-two": createPowerOfTwoPicker,
  "round-robin": createRoundRobinPicker,
  "consistent-hash": (name, options) => createConsistentHashPicker(name, { keyBy: { kind: "session" }, ...options }),
};
for (const [type, create] of Object.entries(makers)) {
  describe(`any ${type}`, () => {
    it("has its own type", () => expect(create("p")).toMatchObject({ name: "p", type }));

    it("picks from one candidate without a total", () => expect(pick(create("p"), [0])).toEqual([0]));

    it("names as many different endpoints as asked for, at least one, at most all, the same for the same seed", () => {
      const totals = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 12 });
      fc.assert(
        fc.property(totals, fc.integer({ min: -1, max: 15 }), fc.nat(), (list, maxNumOfEndpoints, seed) => {
          const picked = pick(create("p", { maxNumOfEndpoints }), list, seed);
          expect(picked).toHaveLength(Math.min(Math.max(maxNumOfEndpoints, 1), list.length));
          expect(new Set(picked).size).toBe(picked.length);
          expect(picked.every((slot) => slot % 10 === 0 && slot < 10 * list.length)).toBe(true);
          expect(pick(create("p", { maxNumOfEndpoints }), list, seed)).toEqual(picked);
        }),
      );
    });
  });
}

describe("the max-score picker", () => {
  it("picks the highest totals in order", () => {
    expect(pick(createMaxScorePicker("p", { maxNumOfEndpoints: 3 }), [1, 5, -1, 3, 2])).toEqual([10, 30, 40]);
  });

  it("picks each of equal totals as often", () => {
    for (const share of sharesOf(createMaxScorePicker("p"), [2, 2, 1, 2]).toSpliced(2, 1))
      expect(share).toBeCloseTo(1 / 3, 1);
    for (const share of sharesOf(createMaxScorePicker("p", { maxNumOfEndpoints: 2 }), [2, 2, 2, 2]))
      expect(share).toBeCloseTo(1 / 4, 1);
  });

  it("picks the lowest slots of equal totals by tieBreak first, without drawing", () => {
    const random = () => {
      throw new Error("drawn");
    };
    const picker = createMaxScorePicker("p", { tieBreak: "first", maxNumOfEndpoints: 3 });
    const candidates = Uint32Array.of(3, 4, 5, 6);
    expect(picker.pick(pickInputOf({ candidates, totals: Float64Array.of(1, 2, 2, 2), random }))).toEqual([4, 5, 6]);
  });
});

describe("the random picker", () => {
  it("picks every candidate as often, whatever the totals", () => {
    for (const options of [{}, { maxNumOfEndpoints: 2 }]) {
      for (const share of sharesOf(createRandomPicker("p", options), [0, 9, 1])) expect(share).toBeCloseTo(1 / 3, 1);
    }
  });

  it("does not change the candidates", () => {
    const candidates = Uint32Array.of(1, 2, 3, 4);
    const input = { candidates, totals: new Float64Array(4), random: createRandom(2) };
    createRandomPicker("p", { maxNumOfEndpoints: 4 }).pick(pickInputOf(input));
    expect([...candidates]).toEqual([1, 2, 3, 4]);
  });
});

describe("the weighted-random picker", () => {
  it("picks in proportion to the totals", () => {
    for (const options of [{}, { maxNumOfEndpoints: 2 }]) {
      const [none, one, three] = sharesOf(createWeightedRandomPicker("p", options), [0, 1, 3]);
      expect([none, one]).toEqual([0, expect.closeTo(0.25, 1)]);
      expect(three).toBeCloseTo(0.75, 1);
    }
  });

  it("keeps proportions of totals that are very small", () => {
    expect(sharesOf(createWeightedRandomPicker("p"), [1e-9, 3e-9])[0]).toBeCloseTo(0.25, 1);
  });

  it("puts candidates without a total behind all others, in random order", () => {
    const picker = createWeightedRandomPicker("p", { maxNumOfEndpoints: 4 });
    const orders = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const picked = pick(picker, [0, 1e-300, -1, 2], seed);
      expect(new Set(picked.slice(0, 2))).toEqual(new Set([10, 30]));
      orders.add(picked.slice(2).join());
    }
    expect(orders.size).toBe(2);
  });

  it("picks every candidate as often when none has a total", () => {
    for (const share of sharesOf(createWeightedRandomPicker("p"), [0, -1, 0])) expect(share).toBeCloseTo(1 / 3, 1);
  });
});
