import type { InflightColumns } from "../contract/index.ts";
import { createRandom, deriveSeed } from "../contract/index.ts";
import { Call, type CallContext } from "./call.ts";
import { CandidateSet } from "./candidate-set.ts";
import { combineScores } from "./combine-scores.ts";
import { CycleColumns, copyInflight } from "./cycle-columns.ts";
import { type FilterRun, runFilters } from "./filter-chain.ts";
import { toProducerOutcome, toScorerOutcome } from "./outcomes.ts";
import { Round, toUs } from "./round.ts";
import { Shadows } from "./shadows.ts";
import { newFloats } from "./slab.ts";
import { heed, isRefusing } from "./stand-in.ts";
import {
  type CycleInput,
  type DecisionRecord,
  type DecisionRefusal,
  type PlannedProducer,
  type ProducerOutcome,
  type Profile,
  type ProfileRecord,
  type ScorerOutcome,
  shadowCallIds,
  type WeightedScorer,
} from "./types.ts";
import { pickUnvetoed } from "./vetoes.ts";
import { isRefusal, noRouting, View } from "./view.ts";

/** Index from which the seeds of filters are derived, behind those of calls. */
const FILTER_SEEDS = 1 << 16;
/** Index from which the seeds of admitters are derived. */
const ADMITTER_SEEDS = 1 << 18;
/** Index from which the seeds of shadow scorers are derived: to add one changes nobody's. */
const SHADOW_SEEDS = 1 << 17;

const noInflight: InflightColumns = {
  requests: new Float32Array(0),
  promptTokens: new Float32Array(0),
  outputTokens: new Float32Array(0),
};

/**
 * Decides one request: producers in waves, then each profile's filters, scorers, combination and pick. Answers at once
 * where every plugin does; otherwise when the last answer is in or the budget ends.
 * @throws what a filter, picker or profile handler throws; what plugins throw is an outcome.
 */
export function runCycle(input: CycleInput): DecisionRecord | Promise<DecisionRecord> {
  return new Cycle(input).run();
}

const nothing = { picked: [], vetoes: "none" } as const;

/** Calls under way, and what becomes of their answers. */
interface Step {
  readonly isDone: boolean;
  readonly collect: () => void;
}

class Cycle {
  readonly #input: CycleInput;
  readonly #nowMs: number;
  readonly #startedMs: number;
  readonly #inflight: InflightColumns;
  readonly #columns: CycleColumns;
  readonly #all: CandidateSet;
  readonly #random: () => number;
  readonly #produced = new Map<string, Float32Array>();
  readonly #producers: ProducerOutcome[] = [];
  readonly #profiles: ProfileRecord[] = [];
  readonly #shadows: Shadows[] = [];
  readonly #view: View;
  #wave = 0;
  #calls = 0;
  #filters = 0;
  #shadowCalls = 0;
  #failedBy = "";
  #isAdmitted = false;
  #refusal: DecisionRefusal | undefined;
  #made: DecisionRecord | undefined;
  #step: Step | undefined;
  #settle: { resolve(record: DecisionRecord): void; reject(reason: unknown): void } | undefined;

  constructor(input: CycleInput) {
    const { plan, snapshot, clock, candidates } = input;
    this.#input = input;
    this.#startedMs = clock.elapsedMs();
    this.#nowMs = clock.nowMs();
    this.#inflight = plan.readsInflight ? copyInflight(input.inflight, snapshot.slotCount) : noInflight;
    this.#columns = new CycleColumns(snapshot.columns, plan.readsInflight ? this.#inflight : undefined, this.#nowMs);
    this.#all = new CandidateSet(candidates, candidates, this.#produced);
    this.#random = createRandom(input.seed);
    const { facts } = input;
    this.#view = new View({ facts, snapshot, candidates, profiles: this.#profiles, produced: this.#produced });
  }

  run(): DecisionRecord | Promise<DecisionRecord> {
    if (this.#advance()) return this.#record();
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  /** Takes step after step; false when one waits for answers. */
  #advance(): boolean {
    for (let step = this.#nextStep(); step !== undefined; step = this.#nextStep()) {
      if (!step.isDone) {
        this.#step = step;
        return false;
      }
      step.collect();
    }
    return true;
  }

  /** The answers of the step are in. */
  #resume(): void {
    try {
      this.#input.onResumed?.();
      this.#step?.collect();
      if (this.#advance()) this.#settle?.resolve(this.#record());
    } catch (error) {
      this.#settle?.reject(error);
    }
  }

  #nextStep(): Step | undefined {
    const { plan } = this.#input;
    if (this.#wave < plan.waves.length) return this.#askProducers(plan.waves[this.#wave++]);
    if (!this.#isAdmitted) this.#admit();
    if (this.#failedBy !== "" || this.#refusal !== undefined) return undefined;
    const next = plan.handler.next(this.#view);
    if (next === undefined) return undefined;
    if (isRefusal(next)) {
      this.#refusal = next;
      return undefined;
    }
    return this.#profiles.some(({ name }) => name === next.name) ? undefined : this.#askScorers(next);
  }

  #admit(): void {
    this.#isAdmitted = true;
    for (const [i, admitter] of this.#input.plan.admitters.entries()) {
      const seed = deriveSeed(this.#input.seed, ADMITTER_SEEDS + i);
      this.#refusal = admitter.admit(new Call(this.#context(this.#all, ""), 0, seed, 0));
      if (this.#refusal !== undefined) return;
    }
  }

  #askProducers(wave: readonly PlannedProducer[]): Step {
    const round = this.#round();
    const context = this.#context(this.#all, "");
    const count = this.#all.slots.length;
    const written = wave.map(({ producer }) => producer.produces.map(() => unknownValues(count)));
    for (const [i, { producer, budgetMs }] of wave.entries()) {
      const call = this.#call(round, context, budgetMs);
      round.put(producer.name, call.callId, budgetMs, () => producer.produce(call, written[i]));
    }
    const collect = () => {
      for (const [i, planned] of wave.entries()) {
        const outcome = toProducerOutcome(planned, round.asks[i], written[i]);
        this.#producers.push(outcome);
        for (const [k, values] of outcome.values.entries()) this.#produced.set(planned.producer.produces[k], values);
      }
    };
    return { isDone: round.close(), collect };
  }

  #askScorers(profile: Profile): Step {
    const { steps: filters, candidates } = this.#filter(profile);
    const { length } = candidates.slots;
    const scorers = length === 0 ? [] : countedOf(profile.scorers);
    const round = this.#round();
    const context = this.#context(candidates, profile.name);
    const written = unknownValues(length * scorers.length);
    const rows = scorers.map((_, i) => written.subarray(i * length, (i + 1) * length));
    const calls = scorers.map(({ scorer, budgetMs }, i) => {
      const call = this.#call(round, context, budgetMs);
      round.put(scorer.name, call.callId, budgetMs, () => scorer.score(call, rows[i]));
      return call;
    });
    const isDone = round.close();
    const shadows = scorers.length === profile.scorers.length ? [] : this.#askShadows(profile, context);
    const collect = () => {
      const outcomes = scorers.map((weighted, i) =>
        heed(toScorerOutcome(weighted, round.asks[i], rows[i], calls[i].vetoed), weighted.onFailure, calls[i]),
      );
      this.#failedBy = outcomes.find((outcome, i) => isRefusing(outcome, scorers[i].onFailure))?.name ?? "";
      const totals = combineScores(outcomes, length);
      const run = { name: profile.name, filters, candidates: candidates.slots, scorers: outcomes, totals, shadows };
      this.#pick(profile, run);
    };
    return { isDone, collect };
  }

  #pick(profile: Profile, run: Omit<ProfileRecord, "picked" | "vetoes">): void {
    const { candidates, totals, scorers } = run;
    const isEmpty = candidates.length === 0 || this.#failedBy !== "";
    const { facts, snapshot: endpoints } = this.#input;
    const input = { candidates, totals, facts, endpoints, columns: this.#columns, random: this.#random };
    const choice = isEmpty ? nothing : pickUnvetoed(profile.picker, scorers, input);
    const made = { ...run, ...choice };
    this.#profiles.push(made);
    this.#view.addPick(made);
  }

  /** Asked behind all others, so that none of them waits for it. */
  #askShadows({ name, scorers }: Profile, context: CallContext): readonly ScorerOutcome[] {
    const candidateCount = context.candidates.slots.length;
    if (candidateCount === 0) return [];
    const { clock, onShadow, firstCallId, seed } = this.#input;
    const onEnded = (outcome: ScorerOutcome) => {
      if (this.#made !== undefined) onShadow?.(this.#made, name, outcome);
    };
    const shadows = new Shadows({ clock, deadlineMs: this.#deadlineMs(), candidateCount, onEnded });
    for (const weighted of scorers) {
      if (!weighted.shadow) continue;
      const index = this.#shadowCalls++;
      const callId = (firstCallId + shadowCallIds + index) >>> 0;
      const seedOfCall = deriveSeed(seed, SHADOW_SEEDS + index);
      shadows.put(weighted, (budgetUs) => new Call(context, callId, seedOfCall, budgetUs));
    }
    shadows.close();
    this.#shadows.push(shadows);
    return shadows.outcomes;
  }

  #filter({ name, filters }: Profile): FilterRun {
    const firstSeed = FILTER_SEEDS + this.#filters;
    this.#filters += filters.length;
    return runFilters(filters, this.#all, (filter, place, candidates) => {
      const seed = deriveSeed(this.#input.seed, firstSeed + place);
      return filter.filter(new Call(this.#context(candidates, name), 0, seed, 0));
    });
  }

  #call(round: Round, context: CallContext, budgetMs: number): Call {
    const index = this.#calls++;
    const callId = (this.#input.firstCallId + index) >>> 0;
    return new Call(context, callId, deriveSeed(this.#input.seed, index), round.budgetUs(budgetMs));
  }

  #round(): Round {
    return new Round({
      clock: this.#input.clock,
      deadlineMs: this.#deadlineMs(),
      onDone: () => this.#resume(),
    });
  }

  #deadlineMs(): number {
    return this.#startedMs + this.#input.plan.budgetMs;
  }

  #context(candidates: CandidateSet, profile: string): CallContext {
    const { snapshot, facts, isRehearsal = false } = this.#input;
    return {
      snapshot,
      columns: this.#columns,
      request: facts,
      candidates,
      profile,
      peers: this.#view.picks,
      nowMs: this.#nowMs,
      isRehearsal,
    };
  }

  #record(): DecisionRecord {
    const { decisionId, plan, snapshot, facts, candidates, seed, clock } = this.#input;
    const name = plan.handler.primaryOf(this.#profiles);
    const primary = this.#profiles.find((profile) => profile.name === name);
    const failedBy = this.#failedBy;
    const isRefused = failedBy !== "" || this.#refusal !== undefined;
    const destination = isRefused ? [] : (primary?.picked ?? []);
    const made: DecisionRecord = {
      decisionId,
      atMs: this.#nowMs,
      generation: plan.generation,
      snapshot,
      facts,
      candidates,
      inflight: this.#inflight,
      producers: this.#producers,
      profiles: this.#profiles,
      seed,
      destination,
      primary: primary?.name ?? "",
      routing: (destination.length > 0 && plan.handler.route?.(this.#view)) || noRouting,
      refusal: this.#refusal,
      failedBy,
      pendingShadows: this.#shadows.flatMap((shadows) => shadows.conclude()),
      durationUs: toUs(clock.elapsedMs() - this.#startedMs),
    };
    this.#made = made;
    return made;
  }
}

function unknownValues(length: number): Float32Array {
  return newFloats(length).fill(Number.NaN);
}

/** Those that are not only asked to be recorded. */
function countedOf(scorers: readonly WeightedScorer[]): readonly WeightedScorer[] {
  return scorers.some(({ shadow }) => shadow) ? scorers.filter(({ shadow }) => !shadow) : scorers;
}
