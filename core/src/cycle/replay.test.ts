import { describe, expect, it } from "vitest";
import type { Scorer } from "../contract/index.ts";
import { createMaxScorePicker } from "../pickers/max-score-picker.ts";
import { filterOf, handlerOf, inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { rerun } from "./replay.ts";
import { runCycle } from "./run-cycle.ts";
import type { DecisionRecord, FailurePolicy, Plan } from "./types.ts";

const a = scorerOf("a", [1, 0, 0.5]);
const b = scorerOf("b", [0, 0.9, 0.5]);
const recordOf = (plan: Plan, seed = 7) => runCycle(inputOf(tableOf(3), plan, { seed })) as DecisionRecord;

describe("a decision run again", () => {
  it("agrees under its own plan, random ties and several profiles included", () => {
    const picker = createMaxScorePicker("p", { maxNumOfEndpoints: 2 });
    const decode = profileOf([weighted(a), weighted(b)], { name: "decode", picker });
    const prefill = profileOf([], { name: "prefill", picker, filters: [filterOf("f", (slot) => slot > 0)] });
    const handler = handlerOf("decode", ({ profiles }) => [decode, prefill][profiles.length]);
    const plan = planOf(decode, { handler });
    for (let seed = 0; seed < 50; seed++) {
      const record = recordOf(plan, seed);
      expect(rerun(record, plan)).toEqual({
        profiles: record.profiles,
        primary: "decode",
        destination: record.destination,
        routing: { setHeaders: [], port: 0 },
        refusal: undefined,
        failedBy: "",
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

  const broken = scorerOf("broken", () => {
    throw new Error("broken");
  });
  const asked = { name: "asked", type: "test", score: () => expect.unreachable() } satisfies Scorer;
  const said = { note: () => expect.unreachable(), recall: () => Float32Array.of(0.5, 0, 1) };
  const policies: readonly FailurePolicy[] = [
    { kind: "abstain" },
    { kind: "neutral" },
    { kind: "last_known", last: said },
    { kind: "inline", scorer: b },
    { kind: "fail_request" },
  ];
  for (const onFailure of policies) {
    it(`agrees where a missing answer was treated by ${onFailure.kind}, and asks nobody again`, () => {
      const places = (policy: FailurePolicy) => [weighted(a), weighted(broken, 2, 2, { onFailure: policy })];
      const made = recordOf(planOf(profileOf(places(onFailure))));
      const nobody: FailurePolicy = onFailure.kind === "inline" ? { kind: "inline", scorer: asked } : onFailure;
      const again = rerun(made, planOf(profileOf(places(nobody))));
      expect(again).toMatchObject({ difference: "", failedBy: made.failedBy, destination: made.destination });
      expect(made.failedBy).toBe(onFailure.kind === "fail_request" ? "broken" : "");
    });
  }

  it("shows where another failure policy leads, as far as that is known", () => {
    const under = (onFailure: FailurePolicy) => planOf(profileOf([weighted(a), weighted(broken, 9, 2, { onFailure })]));
    const [abstain, neutral, , inline, required] = policies;
    const stoodIn = recordOf(under(inline));
    expect(stoodIn.destination).toEqual([1]);
    expect(rerun(stoodIn, under(abstain))).toMatchObject({ destination: [0], failedBy: "" });
    expect([...rerun(stoodIn, under(neutral)).profiles[0].totals]).toEqual([5.5, 4.5, 5]);
    const refused = rerun(stoodIn, under(required));
    expect(refused).toMatchObject({
      destination: [],
      failedBy: "broken",
      difference: "refused for want of broken, recorded nothing",
    });
    expect(rerun(recordOf(under(required)), under(abstain))).toMatchObject({ destination: [0], failedBy: "" });
  });

  it("heeds the vetoes of the scorers that the plan has, and ignores those of all", () => {
    const vetoes = (...positions: number[]): Scorer => ({
      ...scorerOf(`veto ${positions}`, (call, scores) => {
        for (const position of positions) call.veto(position);
        scores.fill(0.5);
      }),
      mayVeto: true,
    });
    for (const vetoer of [vetoes(0), vetoes(0, 1, 2)]) {
      const made = recordOf(planOf(profileOf([weighted(a), weighted(vetoer)])));
      expect(rerun(made, planOf(profileOf([weighted(a), weighted(vetoer)])))).toMatchObject({
        difference: "",
        profiles: [{ vetoes: made.profiles[0].vetoes }],
      });
      expect(rerun(made, planOf(profileOf([weighted(a)]))).destination).toEqual([0]);
    }
  });

  it("agrees beside shadow scorers, and shows where counting one leads", () => {
    const under = (shadow: boolean) => planOf(profileOf([weighted(a), weighted(b, 9, 2, { shadow })]));
    const made = recordOf(under(true));
    expect(rerun(made, under(true))).toMatchObject({ difference: "", destination: [0] });
    expect(rerun(made, under(false)).destination).toEqual([1]);
    expect(rerun(recordOf(under(false)), under(true)).destination).toEqual([0]);
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
    { title: "a refusal", record: { ...record, failedBy: "z" }, want: "refused for want of nothing, recorded z" },
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
