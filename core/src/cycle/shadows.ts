import type { CycleCall } from "../contract/index.ts";
import { toScorerOutcome } from "./outcomes.ts";
import { Round, type RoundOptions } from "./round.ts";
import { newFloats } from "./slab.ts";
import type { ScorerOutcome, WeightedScorer } from "./types.ts";

/** What the shadow scorers of one profile are asked with. */
export interface ShadowsOptions extends Omit<RoundOptions, "onDone"> {
  readonly candidateCount: number;
  /** Hears how one ended that was not done with the decision. */
  readonly onEnded: (outcome: ScorerOutcome) => void;
}

/** The shadow scorers of one profile's run: a round of their own, of which the decision only takes note. */
export class Shadows {
  /** Their outcomes in the record; empty until {@link conclude}, so that nobody decides by them. */
  readonly outcomes: ScorerOutcome[] = [];
  readonly #options: ShadowsOptions;
  readonly #round: Round;
  readonly #asked: {
    readonly weighted: WeightedScorer;
    readonly call: CycleCall;
    readonly row: Float32Array;
  }[] = [];
  #pending: readonly number[] = [];

  constructor(options: ShadowsOptions) {
    this.#options = options;
    this.#round = new Round({ ...options, onDone: () => this.#tellPending() });
  }

  /** Asks one. @param toCall makes its call, given the time left for it in µs. */
  put(weighted: WeightedScorer, toCall: (budgetUs: number) => CycleCall): void {
    const { scorer, budgetMs } = weighted;
    const call = toCall(this.#round.budgetUs(budgetMs));
    const row = newFloats(this.#options.candidateCount).fill(Number.NaN);
    this.#asked.push({ weighted, call, row });
    this.#round.put(scorer.name, call.callId, budgetMs, () => scorer.score(call, row));
  }

  /** All are asked. */
  close(): void {
    this.#round.close();
  }

  /** The decision is made: notes what they have brought. @returns what of it is not the last word. */
  conclude(): readonly ScorerOutcome[] {
    const { asks } = this.#round;
    this.#pending = [...asks.keys()].filter((i) => asks[i].state === "waiting");
    for (const i of asks.keys())
      this.outcomes.push(asks[i].state === "waiting" ? this.#unfinished(i) : this.#outcome(i));
    return this.#pending.map((i) => this.outcomes[i]);
  }

  #tellPending(): void {
    for (const i of this.#pending) this.#options.onEnded(this.#outcome(i));
  }

  #unfinished(i: number): ScorerOutcome {
    const outcome = this.#outcome(i);
    return outcome.kind === "late" ? { ...outcome, reason: "not done with the decision" } : outcome;
  }

  #outcome(i: number): ScorerOutcome {
    const { weighted, call, row } = this.#asked[i];
    return toScorerOutcome(weighted, this.#round.asks[i], row, call.vetoed);
  }
}
