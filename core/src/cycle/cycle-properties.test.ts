import fc from "fast-check";
import { expect, it } from "vitest";
import type { Scorer } from "../contract/index.ts";
import { createRandom, OutriderError } from "../contract/index.ts";
import { createRandomPicker } from "../pickers/random-picker.ts";
import { createWeightedRandomPicker } from "../pickers/weighted-random-picker.ts";
import { inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { VirtualClock } from "./fixtures/virtual-clock.ts";
import { createLastScores } from "./last-scores.ts";
import { rerun } from "./replay.ts";
import { runCycle } from "./run-cycle.ts";
import type { DecisionRecord, PickInput, WeightedScorer } from "./types.ts";

const MAX_ENDPOINTS = 9;
/** Factor between totals that differ by more than the rounding of what different candidates were rated by. */
const NEARLY = 1 + 1e-12;
const perEndpoint = <T>(value: fc.Arbitrary<T>) =>
  fc.array(value, { minLength: MAX_ENDPOINTS, maxLength: MAX_ENDPOINTS });
const score = fc.oneof(
  { weight: 6, arbitrary: fc.float({ min: 0, max: 1, noNaN: true }) },
  fc.constant(Number.NaN),
  fc.constantFrom(-0.5, 2, 1e30, -0),
);
const anyFloat = fc.oneof(score, fc.float());
const weight = fc.double({ min: 1e-3, max: 1e3, noNaN: true });

/** How a scorer behaves, its scores by the number of the endpoint. */
const behaviour = (scores: fc.Arbitrary<number[]>) =>
  fc.record({ kind: fc.constantFrom("now", "now", "later", "hangs", "throws", "rejects", "shed"), scores, weight });
type Behaviour = typeof behaviour extends (...args: never[]) => fc.Arbitrary<infer B> ? B : never;

function toScorer(name: string, { kind, scores }: Behaviour, clock: VirtualClock): Scorer {
  const write = (slots: Uint32Array, target: Float32Array, numberOf: (slot: number) => number) => {
    for (const [i, slot] of slots.entries()) target[i] = scores[numberOf(slot)];
  };
  return scorerOf(name, (call, target) => {
    const numberOf = (slot: number) => Number(call.endpoints.at(slot)?.id.slice(1));
    if (kind === "throws") throw new Error("broken");
    if (kind === "shed") throw new OutriderError("SCORER_SHED", "busy");
    if (kind === "rejects") return Promise.reject(new Error("broken"));
    if (kind === "hangs") return new Promise(() => {});
    if (kind === "later") return clock.wait(1, undefined).then(() => write(call.candidates, target, numberOf));
    return write(call.candidates, target, numberOf);
  });
}

async function decide(
  behaviours: readonly Behaviour[],
  more: { ids?: readonly number[]; seed?: number; check?: (input: PickInput) => void } = {},
): Promise<DecisionRecord> {
  const clock = new VirtualClock();
  const scorers = behaviours.map((b, i) => weighted(toScorer(`s${i}`, b, clock), b.weight));
  const ids = more.ids ?? [0, 1, 2, 3, 4];
  const pickers = [createRandomPicker("p", { maxNumOfEndpoints: 3 }), createWeightedRandomPicker("p")];
  const inner = pickers[(more.seed ?? 0) % 2];
  const picker = {
    ...inner,
    pick(input: PickInput) {
      more.check?.(input);
      return inner.pick(input);
    },
  };
  const table = tableOf(ids.length, (slot) => `e${ids[slot]}`);
  const decision = runCycle(inputOf(table, planOf(profileOf(scorers, { picker })), { clock, seed: more.seed ?? 0 }));
  await clock.advance(10);
  return decision;
}

const behaviours = fc.array(behaviour(perEndpoint(score)), { maxLength: 5 });
const order = fc.shuffledSubarray([...Array(MAX_ENDPOINTS).keys()], { minLength: 1 });

/** What anybody may do at once, by configuration and by misbehaviour. */
const anything = fc.array(
  fc.record({
    does: behaviour(perEndpoint(anyFloat)),
    standIn: behaviour(perEndpoint(anyFloat)),
    policy: fc.constantFrom("abstain", "neutral", "last_known", "inline", "fail_request"),
    shadow: fc.boolean(),
    mayVeto: fc.boolean(),
    vetoes: fc.oneof(
      fc.constant([...Array(MAX_ENDPOINTS).keys()]),
      fc.array(fc.integer({ min: -1, max: MAX_ENDPOINTS }), { maxLength: 4 }),
    ),
  }),
  { maxLength: 5 },
);
type Anything = typeof anything extends fc.Arbitrary<(infer A)[]> ? A : never;

function toPlace(name: string, { does, standIn, ...rest }: Anything, clock: VirtualClock): WeightedScorer {
  const inner = toScorer(name, does, clock);
  const scorer: Scorer = {
    ...inner,
    mayVeto: rest.mayVeto,
    score(call, scores) {
      for (const position of rest.vetoes) call.veto(position);
      return inner.score(call, scores);
    },
  };
  const last = createLastScores(1_000);
  last.note(tableOf(2).current, Uint32Array.of(0, 1), Float32Array.of(0.5, Number.NaN), 1_000_000);
  const policies = {
    abstain: { kind: "abstain" },
    neutral: { kind: "neutral" },
    last_known: { kind: "last_known", last },
    inline: { kind: "inline", scorer: toScorer(`${name}/fallback`, standIn, clock) },
    fail_request: { kind: "fail_request" },
  } as const;
  const onFailure = policies[rest.policy as keyof typeof policies];
  return weighted(scorer, does.weight, 2, { shadow: rest.shadow, onFailure });
}

/** Decides under all that, over `e0`, `e1`, …, and hears of the shadow scorers until the last has ended. */
async function decideAnything(all: readonly Anything[], count: number, seed: number, seen: (input: PickInput) => void) {
  const clock = new VirtualClock();
  const inner = createRandomPicker("p", { maxNumOfEndpoints: 3 });
  const picker = {
    ...inner,
    pick(input: PickInput) {
      seen(input);
      return inner.pick(input);
    },
  };
  const plan = planOf(
    profileOf(
      all.map((each, i) => toPlace(`s${i}`, each, clock)),
      { picker },
    ),
  );
  let heard = 0;
  const onShadow = () => void heard++;
  const decision = runCycle(inputOf(tableOf(count), plan, { clock, seed, onShadow }));
  await clock.advance(10);
  return { record: await decision, heard: () => heard, plan, armed: clock.armed };
}

const size = fc.integer({ min: 1, max: MAX_ENDPOINTS });

it("whatever scorers, their stand-ins, vetoes and shadows do, a decision comes in time, and its pick is a candidate", async () => {
  await fc.assert(
    fc.asyncProperty(anything, size, fc.nat(), async (all, count, seed) => {
      const check = ({ candidates, totals }: PickInput) => {
        expect(candidates.length).toBeGreaterThan(0);
        expect(totals).toHaveLength(candidates.length);
        expect(totals.every(Number.isFinite)).toBe(true);
      };
      const { record, heard, armed } = await decideAnything(all, count, seed, check);
      const [{ scorers, shadows, vetoes }] = record.profiles;
      expect(record.durationUs).toBeLessThanOrEqual(5_000);
      expect([scorers.length, shadows.length]).toEqual([
        all.filter(({ shadow }) => !shadow).length,
        all.filter(({ shadow }) => shadow).length,
      ]);
      expect(record.destination.length === 0).toBe(record.failedBy !== "");
      const vetoed = new Set(scorers.flatMap((scorer) => scorer.vetoed));
      for (const slot of record.destination) {
        expect(record.candidates).toContain(slot);
        if (vetoes === "applied") expect(vetoed).not.toContain(slot);
      }
      expect(vetoes === "ignored").toBe(record.failedBy === "" && vetoed.size === count);
      for (const value of [...scorers, ...shadows].flatMap(({ scores }) => [...scores])) {
        expect(Number.isNaN(value) || (value >= 0 && value <= 1)).toBe(true);
      }
      expect(heard()).toBe(record.pendingShadows.length);
      expect(armed).toBe(0);
    }),
  );
});

it("shadow scorers change nothing but their own part of the record, and running it again agrees", async () => {
  await fc.assert(
    fc.asyncProperty(anything, size, fc.nat(), async (all, count, seed) => {
      const calm = all.filter(({ shadow, does }) => !shadow || does.kind !== "later");
      const { record, plan } = await decideAnything(calm, count, seed, () => {});
      const counted = calm.filter(({ shadow }) => !shadow);
      const names = calm.flatMap(({ shadow }, i) => (shadow ? [] : [`s${i}`]));
      const bare = await decideAnything(counted, count, seed, () => {});
      const seenOf = ({ profiles: [{ scorers, totals, picked, vetoes }] }: DecisionRecord) => ({
        scorers: scorers.map(({ kind, scores, callId, fallback, vetoed }) => [kind, scores, callId, fallback, vetoed]),
        totals,
        picked,
        vetoes,
      });
      expect(seenOf(record)).toEqual(seenOf(bare.record));
      expect(record.destination).toEqual(bare.record.destination);
      expect(record.failedBy).toBe(names[counted.findIndex((_, i) => bare.record.failedBy === `s${i}`)] ?? "");
      const again = rerun(record, plan);
      expect(again).toMatchObject({ difference: "", failedBy: record.failedBy, destination: record.destination });
    }),
  );
});

it("permuting the candidates permutes the totals, bit by bit", async () => {
  await fc.assert(
    fc.asyncProperty(behaviours, order, fc.nat(), async (all, ids, seed) => {
      const random = createRandom(seed);
      const others = ids
        .map((id) => ({ id, key: random() }))
        .sort((a, b) => a.key - b.key)
        .map(({ id }) => id);
      const [one, other] = [await decide(all, { ids }), await decide(all, { ids: others })];
      for (const [slot, id] of ids.entries()) {
        expect(other.profiles[0].totals[others.indexOf(id)]).toBe(one.profiles[0].totals[slot]);
      }
    }),
  );
});

it("no NaN and no Infinity reaches a picker, nor a score that is not a 32-bit float in [0, 1] the totals (defect: the clamp lets NaN through)", async () => {
  const wild = fc.array(behaviour(perEndpoint(anyFloat)), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(wild, order, fc.nat(100), async (all, ids, seed) => {
      const check = ({ totals }: PickInput) => expect(totals.every(Number.isFinite)).toBe(true);
      const record = await decide(all, { ids, seed, check });
      for (const { kind, scores } of record.profiles[0].scorers) {
        if (kind !== "scored") expect(scores).toHaveLength(0);
        for (const value of scores) {
          if (!Number.isNaN(value)) expect(value >= 0 && value <= 1 && Math.fround(value) === value).toBe(true);
        }
      }
    }),
  );
});

it("a scorer that is missing for all never turns the ranking that the others give", async () => {
  const missing = fc.record({
    kind: fc.constantFrom("hangs", "throws", "rejects", "shed", "now"),
    scores: fc.constant(Array<number>(MAX_ENDPOINTS).fill(Number.NaN)),
    weight,
  });
  await fc.assert(
    fc.asyncProperty(behaviours, missing, fc.nat(5), async (all, gone, at) => {
      const { totals } = (await decide(all)).profiles[0];
      const without = (await decide(all.toSpliced(at, 0, gone))).profiles[0].totals;
      for (let i = 0; i < totals.length; i++) {
        for (let k = 0; k < totals.length; k++)
          if (totals[i] > totals[k] * NEARLY) expect(without[i] >= without[k]).toBe(true);
      }
    }),
  );
});

it("every scorer has exactly one outcome, and the decision ends within its budget, whatever scorers do", async () => {
  const kinds = {
    now: ["scored", "abstained"],
    later: ["scored", "abstained"],
    hangs: ["late"],
    throws: ["failed"],
    rejects: ["failed"],
    shed: ["shed"],
  };
  await fc.assert(
    fc.asyncProperty(behaviours, async (all) => {
      const { profiles, durationUs, destination } = await decide(all);
      expect(destination).not.toEqual([]);
      expect(durationUs).toBeLessThanOrEqual(5_000);
      for (const [i, { name, kind, weight: share }] of profiles[0].scorers.entries()) {
        expect([name, share]).toEqual([`s${i}`, all[i].weight]);
        expect(kinds[all[i].kind as keyof typeof kinds]).toContain(kind);
      }
    }),
  );
});

it("the same answers and seed give the same decision, and running it again agrees", async () => {
  await fc.assert(
    fc.asyncProperty(behaviours, order, fc.nat(), async (all, ids, seed) => {
      const [one, other] = [await decide(all, { ids, seed }), await decide(all, { ids, seed })];
      expect(other.destination).toEqual(one.destination);
      expect(other.profiles).toEqual(one.profiles);
      const asked: WeightedScorer[] = all.map((b, i) =>
        weighted(
          scorerOf(`s${i}`, () => "not asked"),
          b.weight,
        ),
      );
      const picker = [createRandomPicker("p", { maxNumOfEndpoints: 3 }), createWeightedRandomPicker("p")][seed % 2];
      const again = rerun(one, planOf(profileOf(asked, { picker })));
      expect(again).toMatchObject({ difference: "", destination: one.destination });
    }),
  );
});
