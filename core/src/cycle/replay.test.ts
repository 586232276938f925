import { describe, expect, it } from "vitest";
import { createMaxScorePicker } from "../pickers/max-score-picker.ts";
import { filterOf, inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { rerun } from "./replay.ts";
import { runCycle } from "./run-cycle.ts";
import type { DecisionRecord, Plan, ProfileHandler } from "./types.ts";

const a = scorerOf("a", [1, 0, 0.5]);
const b = scorerOf("b", [0, 0.9, 0.5]);
const recordOf = (plan: Plan, seed = 7) => runCycle(inputOf(tableOf(3), plan, { seed })) as DecisionRecord;

describe("a decision run again", () => {
  it("agrees under its own plan, random ties and several profiles included", () => {
    const picker = createMaxScorePicker("p", { maxNumOfEndpoints: 2 });
    const decode = profileOf([weighted(a), weighted(b)], { name: "decode", picker });
    const prefill = profileOf([], { name: "prefill", picker, filters: [filterOf("f", (slot) => slot > 0)] });
    const next: ProfileHandler["next"] = (_, __, ran) => [decode, prefill][ran.length];
    const plan = planOf(decode, { handler: { name: "h", type: "test", primary: "decode", next } });
    for (let seed = 0; seed < 50; seed++) {
      const record = recordOf(plan, seed);
      expect(rerun(record, plan)).toEqual({
        profiles: record.profiles,
        destination: record.destination,
        difference: "",
      });
    }
  });

  it("agrees that nothing was found", () => {
    const plan = planOf(profileOf([weighted(a)], { filters: [filterOf("none", () => false)] }));
    expect(rerun(recordOf(plan), plan)).toMatchObject({ destination: [], difference: "" });
  });

  it("shows where other weights lead", () => {
    const record = recordOf(planOf(profileOf([weighted(a, 2), weighted(b, 1)])));
    const other = rerun(record, planOf(profileOf([weighted(a, 1), weighted(b, 2)])));
    expect(record.destination).toEqual([0]);
    expect(other.destination).toEqual([1]);
    expect(other.difference).toBe("profile default: totals differ");
  });

  const plan = planOf(profileOf([weighted(a)]));
  const record = recordOf(plan);
  const [profile] = record.profiles;
  const changed = [
    {
      title: "totals",
      record: { ...record, profiles: [{ ...profile, totals: Float64Array.of(1, 0, 0.25) }] },
      want: "totals differ",
    },
    { title: "a pick", record: { ...record, profiles: [{ ...profile, picked: [2] }] }, want: "picked 0, recorded 2" },
    { title: "the destination", record: { ...record, destination: [1] }, want: "destination 0, recorded 1" },
    { title: "a profile", record: { ...record, profiles: [] }, want: "profile default is not in the record" },
    {
      title: "one more profile",
      record: { ...record, profiles: [profile, { ...profile, name: "x" }] },
      want: "x did not run",
    },
    {
      title: "one more scorer",
      record: { ...record, profiles: [{ ...profile, scorers: [...profile.scorers, ...profile.scorers] }] },
      want: "scorers differ",
    },
  ];
  for (const { title, record: other, want } of changed) {
    it(`finds ${title} changed in the record`, () => expect(rerun(other, plan).difference).toContain(want));
  }
});
