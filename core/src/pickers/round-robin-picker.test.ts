import { describe, expect, it } from "vitest";
import { inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "../cycle/fixtures/plans.ts";
import { rerun } from "../cycle/replay.ts";
import { runCycle } from "../cycle/run-cycle.ts";
import type { DecisionRecord, Picker } from "../cycle/types.ts";
import { pickInputOf } from "./fixtures/pick-inputs.ts";
import { createRoundRobinPicker } from "./round-robin-picker.ts";

const drawn = () => {
  throw new Error("drawn");
};

function pick(picker: Picker, ...slots: readonly number[]): number[] {
  const totals = new Float64Array(slots.length);
  return picker.pick(pickInputOf({ candidates: Uint32Array.from(slots), totals, random: drawn }));
}

describe("the round-robin picker", () => {
  it("picks in turn, from the first again behind the last", () => {
    const picker = createRoundRobinPicker("p");
    expect([1, 2, 3, 4, 5].map(() => pick(picker, 2, 5, 9)[0])).toEqual([2, 5, 9, 2, 5]);
  });

  it("picks the one that waits longest, whatever the candidates are now", () => {
    const picker = createRoundRobinPicker("p");
    expect(pick(picker, 2, 5, 9)).toEqual([2]);
    expect(pick(picker, 3, 9)).toEqual([3]);
    expect(pick(picker, 2, 5)).toEqual([5]);
    expect(pick(picker, 2, 5)).toEqual([2]);
  });

  const alternating = [
    { title: "apart, lower slots first", one: [0, 1], other: [2, 3] },
    { title: "apart, higher slots first", one: [2, 3], other: [0, 1] },
    { title: "in part the same", one: [0, 1, 2], other: [2, 3] },
  ];
  for (const { title, one, other } of alternating) {
    it(`gives each its turn where requests alternate between candidates that are ${title}`, () => {
      const picker = createRoundRobinPicker("p");
      const picked = Array.from({ length: 8 }, (_, i) => pick(picker, ...(i % 2 === 0 ? one : other))[0]);
      expect(new Set(picked)).toEqual(new Set([...one, ...other]));
    });
  }

  it("names those whose turn is next as fallbacks, and lets their turns be", () => {
    const picker = createRoundRobinPicker("p", { maxNumOfEndpoints: 2 });
    expect([1, 2, 3].map(() => pick(picker, 2, 5, 9))).toEqual([
      [2, 5],
      [5, 9],
      [9, 2],
    ]);
  });

  it("gives every endpoint its share of requests", () => {
    const picker = createRoundRobinPicker("p");
    const counts = new Map<number, number>();
    for (let i = 0; i < 900; i++) {
      const [slot] = pick(picker, 1, 4, 8);
      counts.set(slot, (counts.get(slot) ?? 0) + 1);
    }
    expect([...counts]).toEqual([
      [1, 300],
      [4, 300],
      [8, 300],
    ]);
  });

  it("chooses again as a record says, and lets nothing of it be noticed later", () => {
    const picker = createRoundRobinPicker("p", { maxNumOfEndpoints: 2 });
    pick(picker, 2, 5, 9);
    const input = pickInputOf({ candidates: Uint32Array.of(2, 5, 9), totals: new Float64Array(3), random: drawn });
    expect(picker.again!(input, [9, 2])).toEqual([9, 2]);
    expect(picker.again!(input, [7])).toEqual([5, 9]);
    expect(picker.again!(input, [])).toEqual([5, 9]);
    expect(pick(picker, 2, 5, 9)).toEqual([5, 9]);
  });

  it("agrees when recorded decisions run again, in any order", () => {
    const profile = profileOf([weighted(scorerOf("s", [1, 1, 1]))], { picker: createRoundRobinPicker("p") });
    const [table, plan] = [tableOf(3), planOf(profile)];
    const records = [1, 2, 3, 4].map(() => runCycle(inputOf(table, plan)) as DecisionRecord);
    expect(records.map(({ destination }) => destination[0])).toEqual([0, 1, 2, 0]);
    for (const record of records.toReversed())
      expect(rerun(record, plan)).toMatchObject({ difference: "", destination: record.destination });
    expect((runCycle(inputOf(table, plan)) as DecisionRecord).destination).toEqual([1]);
  });
});
