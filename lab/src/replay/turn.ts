import { setImmediate as nextTurn } from "node:timers/promises";
import type { CycleClock } from "@outrider/core";

/** Longest wait for an answer, in real ms: plugins answer in real time while the recorded time stands still. */
export const patienceMs = 15_000;

/**
 * One decision that is made again: answers that come later reach it where the recording says that it went on, so that
 * what happened in between happens in between again.
 */
export class Turn {
  /** The clock of the decision, which stands still. */
  readonly clock: CycleClock;
  /** Times that the recording has it go on, and it has not. */
  #left: number;
  #gate = Promise.withResolvers<void>();
  readonly #waited = new Set<Promise<unknown>>();

  constructor(atMs: number, steps: number) {
    this.#left = steps;
    this.clock = {
      nowMs: () => atMs,
      elapsedMs: () => 0,
      after: (_, callback) => setTimeout(callback, patienceMs),
      cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
    };
  }

  /** Whether answers reach it only where the recording says. */
  get waits(): boolean {
    return this.#left > 0;
  }

  /** An answer that comes when the decision goes on; at once where the recording does not have it wait. */
  hold<T>(answer: Promise<T>): Promise<T> {
    if (!this.waits) return answer;
    const gate = this.#gate.promise;
    this.#waited.add(answer);
    return answer.then(
      (value) => gate.then(() => value),
      (cause) => gate.then(() => Promise.reject(cause)),
    );
  }

  /** The recording has it go on: waits for the answers, lets them through, and for what they lead to. */
  async resume(): Promise<void> {
    await this.#answered();
    this.#left -= 1;
    this.#gate.resolve();
    this.#gate = Promise.withResolvers();
    await nextTurn();
  }

  /** The recording has it made: nothing is held back any more. */
  free(): void {
    this.#left = 0;
    this.#gate.resolve();
  }

  async #answered(): Promise<void> {
    await settle(this.#waited);
    this.#waited.clear();
  }
}

/** Settles when all answers are there, and at the latest after {@link patienceMs}. */
export async function settle(answers: ReadonlySet<Promise<unknown>>): Promise<void> {
  if (answers.size === 0) return;
  const enough = Promise.withResolvers<void>();
  const timer = setTimeout(enough.resolve, patienceMs);
  await Promise.race([Promise.allSettled(answers), enough.promise]);
  clearTimeout(timer);
}
