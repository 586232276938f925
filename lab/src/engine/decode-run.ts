/**
 * Steps that follow each other with the same requests in the batch. Each takes `growthMs` longer than the one before,
 * as contexts grow by a token a step, so any boundary is known without stepping. Boundaries are worked out from the
 * start, so that times do not depend on how often one looks.
 */
export class DecodeRun {
  #startMs = 0;
  #firstStepMs = 0;
  #growthMs = 0;
  #steps = 0;
  #done = 0;

  /** Whether a step is in progress. */
  get active(): boolean {
    return this.#steps > 0;
  }

  /** When the last step ends. */
  get endMs(): number {
    return this.#boundaryMs(this.#steps);
  }

  /** When the last completed step ended; the start before the first. */
  get lastBoundaryMs(): number {
    return this.#boundaryMs(this.#done);
  }

  /** When the step in progress ends. */
  get nextBoundaryMs(): number {
    return this.#boundaryMs(this.#done + 1);
  }

  /** Begins `steps` steps, the first of `firstStepMs`. */
  start(startMs: number, firstStepMs: number, growthMs: number, steps: number): void {
    this.#startMs = startMs;
    this.#firstStepMs = firstStepMs;
    this.#growthMs = growthMs;
    this.#steps = steps;
    this.#done = 0;
  }

  /** Completes what ends by `nowMs` (or before it), but for the last step. @returns the steps completed by this call. */
  advanceTo(nowMs: number, inclusive: boolean): number {
    const before = this.#done;
    let done = Math.max(before, Math.min(this.#estimateSteps(nowMs), this.#steps - 1));
    while (done > before && !this.#isOver(done, nowMs, inclusive)) done -= 1;
    while (done < this.#steps - 1 && this.#isOver(done + 1, nowMs, inclusive)) done += 1;
    this.#done = done;
    return done - before;
  }

  /** Makes the step in progress, if any, the last: something changes the batch. */
  endWithNextStep(): void {
    if (this.active) this.#steps = this.#done + 1;
  }

  /** Completes all. @returns the steps completed by this call. */
  finish(): number {
    const steps = this.#steps - this.#done;
    this.#steps = 0;
    return steps;
  }

  #boundaryMs(steps: number): number {
    return this.#startMs + steps * this.#firstStepMs + (this.#growthMs * steps * (steps - 1)) / 2;
  }

  #isOver(steps: number, nowMs: number, inclusive: boolean): boolean {
    const boundaryMs = this.#boundaryMs(steps);
    return inclusive ? boundaryMs <= nowMs : boundaryMs < nowMs;
  }

  /** The positive root of the boundary's quadratic; exact up to rounding. */
  #estimateSteps(nowMs: number): number {
    const elapsedMs = nowMs - this.#startMs;
    const linearMs = this.#firstStepMs - this.#growthMs / 2;
    const root = Math.sqrt(linearMs * linearMs + 2 * this.#growthMs * elapsedMs);
    return Math.floor((2 * elapsedMs) / (linearMs + root));
  }
}
