import type { CycleCall, CycleClock } from "@outrider/core";
import type { OutriderError, Reason } from "@outrider/core/contract";
import { DurationCounts } from "./call-times.ts";
import { type Ask, askScores, type RemotePlugin, toScratch } from "./remote-plugin.ts";
import type { Comparison } from "./types.ts";

/** How a new generation does beside the old one; one for all plugins of a process. */
export class ShadowTally {
  /** Calls that both were put and that have come to their end on both sides. */
  calls = 0;
  /** Of these, calls that the old one answered. */
  answeredBefore = 0;
  /** Of those, calls that the new one answered too. */
  answeredAfter = 0;
  /** Of those, calls for which both found the same candidates best. */
  agreed = 0;
  readonly before = new DurationCounts();
  readonly after = new DurationCounts();
  /** Settles when `enough` calls have come to their end. */
  readonly done: Promise<void>;
  readonly #settleDone: () => void;
  readonly #enough: number;
  readonly #open = new Set<Pair>();

  constructor(enough: number) {
    const done = Promise.withResolvers<void>();
    this.done = done.promise;
    this.#settleDone = done.resolve;
    this.#enough = enough;
  }

  /** A call is put to both. */
  begin(pair: Pair): void {
    this.#open.add(pair);
  }

  /** A call has come to its end on both sides. */
  end(pair: Pair): void {
    if (!this.#open.delete(pair)) return;
    this.calls += 1;
    if (pair.before !== undefined) this.answeredBefore += 1;
    if (pair.before !== undefined && pair.after !== undefined) {
      this.answeredAfter += 1;
      if (isSame(pair.before, pair.after)) this.agreed += 1;
    }
    if (this.calls === this.#enough) this.#settleDone();
  }

  /** No further calls: those that are overdue count as they stand, those under way do not. */
  close(nowMs: number): void {
    for (const pair of this.#open) if (pair.dueMs < nowMs) this.end(pair);
    this.#open.clear();
  }

  /** What an operator is told. */
  toComparison(name: string, generation: number): Comparison {
    const { calls, agreed, before, after } = this;
    const quantiles = { before: before.quantiles(), after: after.quantiles() };
    return { name, generation, calls, agreement: calls === 0 ? Number.NaN : agreed / calls, ...quantiles };
  }
}

type Target = Float32Array | readonly Float32Array[];

/** Puts the calls of one plugin to its next generation too, which nobody waits for. */
export class ShadowRun {
  readonly next: RemotePlugin;
  readonly #tally: ShadowTally;
  readonly #clock: CycleClock;

  constructor(next: RemotePlugin, tally: ShadowTally, clock: CycleClock) {
    this.next = next;
    this.#tally = tally;
    this.#clock = clock;
  }

  /** @throws what `active` throws; the next generation is not asked then. */
  put<T extends Target>(active: RemotePlugin, call: CycleCall, target: T, ask: Ask<T>): Reason | Promise<Reason> {
    const answer = active.put(call, target, ask);
    const pair = new Pair(this.#tally, this.#clock, call.budgetUs);
    const scratch = toScratch(target);
    const isRated = (ask as unknown) === askScores;
    Promise.resolve(answer).then(
      () => pair.tookBefore(isRated ? bestOf(target as Float32Array) : copyOf(target)),
      (cause) => {
        if ((cause as OutriderError).code === "SCORER_SHED") this.next.endCall(call.callId);
        pair.tookBefore(undefined);
      },
    );
    this.next.shadow(call, scratch, ask).then(
      () => pair.tookAfter(isRated ? bestOf(scratch as Float32Array) : copyOf(scratch)),
      () => pair.tookAfter(undefined),
    );
    return answer;
  }
}

/** What of an answer is compared; `undefined` = there was none. */
type Essence = readonly number[] | undefined;

/** One call and its two answers. */
class Pair {
  /** When both should have answered. */
  readonly dueMs: number;
  before: Essence;
  after: Essence;
  readonly #tally: ShadowTally;
  readonly #clock: CycleClock;
  readonly #putAtMs: number;
  #missing = 2;

  constructor(tally: ShadowTally, clock: CycleClock, budgetUs: number) {
    this.#tally = tally;
    this.#clock = clock;
    this.#putAtMs = clock.elapsedMs();
    this.dueMs = this.#putAtMs + budgetUs / 1000;
    tally.begin(this);
  }

  tookBefore(essence: Essence): void {
    this.before = essence;
    this.#took(essence, this.#tally.before);
  }

  tookAfter(essence: Essence): void {
    this.after = essence;
    this.#took(essence, this.#tally.after);
  }

  #took(essence: Essence, durations: DurationCounts): void {
    if (essence !== undefined) durations.add((this.#clock.elapsedMs() - this.#putAtMs) * 1000);
    this.#missing -= 1;
    if (this.#missing === 0) this.#tally.end(this);
  }
}

/** Positions of the best candidates, ascending; empty where all were left out. */
function bestOf(scores: Float32Array): number[] {
  let best = Number.NEGATIVE_INFINITY;
  let positions: number[] = [];
  for (let i = 0; i < scores.length; i += 1) {
    const score = scores[i]!;
    if (score > best) {
      best = score;
      positions = [i];
    } else if (score === best) positions.push(i);
  }
  return positions;
}

function copyOf(values: Target): number[] {
  return values instanceof Float32Array ? [...values] : values.flatMap((column) => [...column]);
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
