import fc from "fast-check";
import { expect, it } from "vitest";
import { createMaxScorePicker } from "../pickers/max-score-picker.ts";
import { createRandomPicker } from "../pickers/random-picker.ts";
import { inputOf, planOf, producerOf, profileOf, refusalOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { rerun } from "./replay.ts";
import { runCycle } from "./run-cycle.ts";
import type { Admitter, DecisionRecord, Plan, PlannedFilter, Profile, ProfileHandler, ProfileRecord } from "./types.ts";

const MAX_ENDPOINTS = 9;
const MAX_PROFILES = 4;
const slots = [...Array(MAX_ENDPOINTS).keys()];

const anyFilter = fc.record({
  by: fc.constantFrom("slots", "slots", "chance", "data"),
  slots: fc.subarray(slots, { minLength: 2, maxLength: 5 }),
  onEmpty: fc.constantFrom("fail", "ignore_last", "relax", "relax"),
} as const);
const anyProfile = fc.record({
  filters: fc.array(anyFilter, { maxLength: 5, size: "max" }),
  scorers: fc.array(fc.constantFrom("draws", "draws", "abstains", "throws", "required"), { maxLength: 3 }),
  picker: fc.constantFrom("best", "any"),
});
/** What the handler does at one step: runs a profile, or one of two by what a producer wrote, or refuses. */
const anyStep = fc.record({
  does: fc.constantFrom("run", "run", "run", "run", "branch", "branch", "branch", "refuse", "end"),
  one: fc.nat(MAX_PROFILES - 1),
  other: fc.nat(MAX_PROFILES - 1),
});
const anyPlan = fc.record({
  profiles: fc.array(anyProfile, { minLength: MAX_PROFILES, maxLength: MAX_PROFILES }),
  steps: fc.array(anyStep, { minLength: 1, maxLength: 6, size: "max" }),
  primary: fc.nat(1),
  admitters: fc.array(fc.constantFrom(0, 0, 0.2), { maxLength: 2 }),
  produces: fc.boolean(),
});
type Drawn<A> = A extends fc.Arbitrary<infer V> ? V : never;

const anything = fc.record({ plan: anyPlan, candidates: fc.subarray(slots, { minLength: 1 }), seed: fc.nat() });

function toFilter({ by, slots: kept, onEmpty }: Drawn<typeof anyFilter>, index: number): PlannedFilter {
  const filter: PlannedFilter["filter"] = {
    name: `f${index}`,
    type: "test",
    filter({ candidates, random, data }) {
      if (by === "chance") return candidates.filter(() => random() < 0.3);
      if (by === "data") return candidates.filter((_, i) => data.get("data.x")[i] > 0.6);
      return candidates.filter((slot) => kept.includes(slot));
    },
  };
  return { filter, onEmpty };
}

function toProfile({ filters, scorers, picker }: Drawn<typeof anyProfile>, index: number): Profile {
  const places = scorers.map((kind, i) => {
    const scorer = scorerOf(`s${index}${i}`, ({ random }, scores) => {
      if (kind === "throws" || (kind === "required" && random() < 0.2)) throw new Error("broken");
      if (kind === "abstains") return "no opinion";
      for (const position of scores.keys()) scores[position] = Math.round(random() * 3) / 3;
      return undefined;
    });
    return weighted(scorer, i + 1, 2, { onFailure: { kind: kind === "required" ? "fail_request" : "abstain" } });
  });
  const pickers = { best: createMaxScorePicker("p", { maxNumOfEndpoints: 2 }), any: createRandomPicker("p") };
  return profileOf(places, {
    name: `p${index}`,
    filters: filters.map(toFilter),
    picker: pickers[picker as keyof typeof pickers],
  });
}

function toHandler({ steps, primary }: Drawn<typeof anyPlan>, profiles: readonly Profile[]): ProfileHandler {
  return {
    name: "h",
    type: "test",
    ownHeaders: ["x-picks"],
    primaryOf: (ran) => ran[primary]?.name ?? "",
    next(view) {
      const step = steps[view.profiles.length];
      if (step === undefined || step.does === "end") return undefined;
      if (step.does === "refuse") return refusalOf("h");
      const slot = view.picks.at(-1)?.slot ?? view.candidates[0];
      return profiles[step.does === "run" || view.data("data.x", slot) > 0.5 ? step.one : step.other];
    },
    route: ({ picks, snapshot }) => ({
      setHeaders: [["x-picks", picks.map(({ slot }) => snapshot.at(slot)?.address).join()]],
      port: picks.length,
    }),
  };
}

function toPlan(drawn: Drawn<typeof anyPlan>): Plan {
  const profiles = drawn.profiles.map(toProfile);
  const numbers = producerOf("data.x", ({ random }, values) => {
    for (const i of values.keys()) values[i] = random() < 0.1 ? Number.NaN : random();
  });
  const admitters = drawn.admitters.map(
    (chance, i): Admitter => ({
      name: `a${i}`,
      type: "test",
      admit: ({ random }) => (random() < chance ? refusalOf(`a${i}`) : undefined),
    }),
  );
  const handler = toHandler(drawn, profiles);
  return planOf(profiles[0], { profiles, handler, admitters, waves: drawn.produces ? [[numbers]] : [] });
}

/** Decides at once: everybody answers at once. */
function decide({ plan, candidates, seed }: Drawn<typeof anything>): { plan: Plan; record: DecisionRecord } {
  const made = toPlan(plan);
  const input = inputOf(table, made, { seed, candidates: Uint32Array.from(candidates) });
  return { plan: made, record: runCycle(input) as DecisionRecord };
}

const table = tableOf(MAX_ENDPOINTS);

it("the same request decides alike twice, and deciding again from the record agrees", () => {
  fc.assert(
    fc.property(anything, (drawn) => {
      const [one, other] = [decide(drawn), decide(drawn)];
      expect(other.record).toEqual({ ...one.record, facts: other.record.facts });
      const { difference, ...again } = rerun(one.record, one.plan);
      expect(difference).toBe("");
      const { profiles, primary, destination, routing, refusal, failedBy } = one.record;
      expect(again).toEqual({ profiles, primary, destination, routing, refusal, failedBy });
    }),
    { numRuns: 1_000 },
  );
});

it("nothing but candidates is ever kept, scored, picked or sent to, and filters end as they say", () => {
  fc.assert(
    fc.property(anything, (drawn) => {
      const { plan, record } = decide(drawn);
      const allowed = new Set(record.candidates);
      for (const run of record.profiles) checkProfile(run, plan, allowed);
      expect(new Set(record.profiles.map(({ name }) => name)).size).toBe(record.profiles.length);
      const primary = record.profiles.find(({ name }) => name === record.primary);
      const isRefused = record.refusal !== undefined || record.failedBy !== "";
      expect(record.destination).toEqual(isRefused ? [] : (primary?.picked ?? []));
      expect(record.routing.setHeaders).toHaveLength(record.destination.length === 0 ? 0 : 1);
    }),
    { numRuns: 1_000 },
  );
});

function checkProfile(run: ProfileRecord, { profiles }: Plan, allowed: ReadonlySet<number>): void {
  const planned = profiles.find(({ name }) => name === run.name)!.filters;
  let before: readonly number[] = [...allowed];
  for (const [i, { kept, outcome, setAside }] of run.filters.entries()) {
    const { onEmpty } = planned[i];
    const left = [...kept];
    expect(left).toEqual(left.toSorted((a, b) => a - b));
    if (outcome === "applied") expect(left.filter((slot) => !before.includes(slot))).toEqual([]);
    if (outcome === "ignored") expect([left, onEmpty]).toEqual([before, expect.not.stringMatching("fail")]);
    if (outcome === "relaxed") expect([onEmpty, left.length > 0, setAside!.length > 0]).toEqual(["relax", true, true]);
    if (left.length === 0) expect([onEmpty, i]).toEqual(["fail", run.filters.length - 1]);
    else if (i === run.filters.length - 1) expect(run.filters).toHaveLength(planned.length);
    before = left;
  }
  expect([...run.candidates]).toEqual(before);
  for (const slot of [...run.candidates, ...run.picked]) expect(allowed).toContain(slot);
  for (const slot of run.picked) expect(run.candidates).toContain(slot);
}
