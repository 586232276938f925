import type { InflightColumns } from "../contract/index.ts";
import { createRandom, deriveSeed, type PeerPick } from "../contract/index.ts";
import { Call, type CallContext } from "./call.ts";
import { CandidateSet } from "./candidate-set.ts";
import { combineScores } from "./combine-scores.ts";
import { CycleColumns, copyInflight } from "./cycle-columns.ts";
import { toProducerOutcome, toScorerOutcome } from "./outcomes.ts";
import { Round, toUs } from "./round.ts";
import { newFloats } from "./slab.ts";
import type {
  CycleInput,
  DecisionRecord,
  FilterStep,
  PlannedProducer,
  ProducerOutcome,
  Profile,
  ProfileRecord,
} from "./types.ts";

/** Index from which the seeds of filters are derived, behind those of calls. */
const FILTER_SEEDS = 1 << 16;

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
  #picks: readonly PeerPick[] = [];
  #wave = 0;
  #calls = 0;
  #filters = 0;
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
      this.#step?.collect();
      if (this.#advance()) this.#settle?.resolve(this.#record());
    } catch (error) {
      this.#settle?.reject(error);
    }
  }

  #nextStep(): Step | undefined {
    const { plan, facts } = this.#input;
    if (this.#wave < plan.waves.length) return this.#askProducers(plan.waves[this.#wave++]);
    const profile = plan.handler.next(facts, this.#picks, this.#profiles);
    if (profile === undefined || this.#profiles.some(({ name }) => name === profile.name)) return undefined;
    return this.#askScorers(profile);
  }

  #askProducers(wave: readonly PlannedProducer[]): Step {
    const round = this.#round();
    const context = this.#context(this.#all, "");
    const count = this.#all.slots.length;
    const written = wave.map(({ producer }) => producer.produces.map(() => unknownValues(count)));
    for (const [i, { producer, budgetMs }] of wave.entries()) {
      this.#put(round, context, producer.name, budgetMs, (call) => producer.produce(call, written[i]));
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
    const filters: FilterStep[] = [];
    const candidates = this.#filter(profile, filters);
    const { length } = candidates.slots;
    const scorers = length === 0 ? [] : profile.scorers;
    const round = this.#round();
    const context = this.#context(candidates, profile.name);
    const written = unknownValues(length * scorers.length);
    const rows = scorers.map((_, i) => written.subarray(i * length, (i + 1) * length));
    for (const [i, { scorer, budgetMs }] of scorers.entries()) {
      this.#put(round, context, scorer.name, budgetMs, (call) => scorer.score(call, rows[i]));
    }
    const collect = () => {
      const outcomes = scorers.map((weighted, i) => toScorerOutcome(weighted, round.asks[i], rows[i]));
      const totals = combineScores(outcomes, length);
      const input = { candidates: candidates.slots, totals, random: this.#random };
      const picked = length === 0 ? [] : profile.picker.pick(input);
      const { name } = profile;
      const rest = { shadows: [], vetoes: "none", picked } as const;
      this.#profiles.push({ name, filters, candidates: candidates.slots, scorers: outcomes, totals, ...rest });
      if (picked.length > 0) this.#picks = [...this.#picks, { profile: name, slot: picked[0] }];
    };
    return { isDone: round.close(), collect };
  }

  #filter(profile: Profile, steps: FilterStep[]): CandidateSet {
    let candidates = this.#all;
    for (const filter of profile.filters) {
      const seed = deriveSeed(this.#input.seed, FILTER_SEEDS + this.#filters++);
      const kept = filter.filter(new Call(this.#context(candidates, profile.name), 0, seed, 0));
      steps.push({ name: filter.name, kept });
      if (kept !== candidates.slots) candidates = new CandidateSet(kept, this.#all.slots, this.#produced);
      if (kept.length === 0) break;
    }
    return candidates;
  }

  #put(
    round: Round,
    context: CallContext,
    name: string,
    budgetMs: number,
    ask: (call: Call) => ReturnType<Parameters<Round["put"]>[3]>,
  ): void {
    const index = this.#calls++;
    const callId = (this.#input.firstCallId + index) >>> 0;
    const seed = deriveSeed(this.#input.seed, index);
    round.put(name, callId, budgetMs, (budgetUs) => ask(new Call(context, callId, seed, budgetUs)));
  }

  #round(): Round {
    const { clock, plan, onLate } = this.#input;
    return new Round({ clock, deadlineMs: this.#startedMs + plan.budgetMs, onDone: () => this.#resume(), onLate });
  }

  #context(candidates: CandidateSet, profile: string): CallContext {
    const { snapshot, facts, isRehearsal = false } = this.#input;
    return {
      snapshot,
      columns: this.#columns,
      request: facts,
      candidates,
      profile,
      peers: this.#picks,
      nowMs: this.#nowMs,
      isRehearsal,
    };
  }

  #record(): DecisionRecord {
    const { decisionId, plan, snapshot, facts, candidates, seed, clock } = this.#input;
    const primary = this.#profiles.find(({ name }) => name === plan.handler.primary);
    return {
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
      destination: primary?.picked ?? [],
      failedBy: "",
      durationUs: toUs(clock.elapsedMs() - this.#startedMs),
    };
  }
}

function unknownValues(length: number): Float32Array {
  return newFloats(length).fill(Number.NaN);
}
