import type { CycleCall, CycleClock } from "@outrider/core";
import type { Reason } from "@outrider/core/contract";
import { DurationCounts } from "./call-times.ts";
import { type Ask, askScores, type RemotePlugin, toScratch } from "./remote-plugin.ts";
import type { Comparison } from "./types.ts";

/** How a new generation does beside the old one; one for all plugins of a process. */
export class ShadowTally {
  /** Calls that both were put. */
  calls = 0;
  /** Of these, calls that the old one answered. */
  answeredBefore = 0;
  /** Of those, calls that the new one answered too. */
  answeredAfter = 0;
  /** Of those, calls for which both found the same candidates best. */
  agreed = 0;
  readonly before = new DurationCounts();
  readonly after = new DurationCounts();
  /** Settles when `enough` calls have come to their end on both sides. */
  readonly done: Promise<void>;
  readonly #settleDone: () => void;
  readonly #enough: number;
  #ended = 0;

  constructor(enough: number) {
    const done = Promise.withResolvers<void>();
    this.done = done.promise;
    this.#settleDone = done.resolve;
    this.#enough = enough;
  }

  /** A call has come to its end on both sides. */
  ended(): void {
    this.#ended += 1;
    if (this.#ended === this.#enough) this.#settleDone();
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
  put<T extends Target>(active: RemotePlugin, call: CycleCall, target: T, ask: Ask<T>): Promise<Reason> {
    const answer = active.put(call, target, ask);
    const pair = new Pair(this.#tally, this.#clock);
    const scratch = toScratch(target);
    const isRated = (ask as unknown) === askScores;
    answer.then(
      () => pair.before(isRated ? bestOf(target as Float32Array) : copyOf(target)),
      (cause) => {
        if ((cause as { code?: string }).code === "SCORER_SHED") this.next.endCall(call.callId);
        pair.before(undefined);
      },
    );
    this.next.shadow(call, scratch, ask).then(
      () => pair.after(isRated ? bestOf(scratch as Float32Array) : copyOf(scratch)),
      () => pair.after(undefined),
    );
    return answer;
  }
}

/** What of an answer is compared; `undefined` = there was none. */
type Essence = readonly number[] | undefined;

/** One call and its two answers. */
class Pair {
  readonly #tally: ShadowTally;
  readonly #clock: CycleClock;
  readonly #putAtMs: number;
  #before: Essence;
  #after: Essence;
  #missing = 2;

  constructor(tally: ShadowTally, clock: CycleClock) {
    this.#tally = tally;
    this.#clock = clock;
    this.#putAtMs = clock.elapsedMs();
    tally.calls += 1;
  }

  before(essence: Essence): void {
    this.#before = essence;
    if (essence !== undefined) this.#tally.before.add(this.#elapsedUs());
    this.#end();
  }

  after(essence: Essence): void {
    this.#after = essence;
    if (essence !== undefined) this.#tally.after.add(this.#elapsedUs());
    this.#end();
  }

  #elapsedUs(): number {
    return (this.#clock.elapsedMs() - this.#putAtMs) * 1000;
  }

  #end(): void {
    this.#missing -= 1;
    if (this.#missing > 0) return;
    const tally = this.#tally;
    const [before, after] = [this.#before, this.#after];
    if (before !== undefined) tally.answeredBefore += 1;
    if (before !== undefined && after !== undefined) {
      tally.answeredAfter += 1;
      if (isSame(before, after)) tally.agreed += 1;
    }
    tally.ended();
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
