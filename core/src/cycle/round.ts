import { OutriderError, type Reason } from "../contract/index.ts";
import type { CycleClock } from "./types.ts";

/** One call put to a plugin and what came of it. */
export interface Ask {
  readonly name: string;
  readonly callId: number;
  readonly startedMs: number;
  /** When its budget ends, by the elapsed time of the clock. */
  readonly deadlineMs: number;
  /** When it was answered, or the bell rang. */
  endedMs: number;
  /** `waiting` until it is answered, has failed or is late; nothing changes it then. */
  state: "waiting" | "answered" | "failed" | "late";
  /** Whether it was answered later than it was put. */
  isAsync: boolean;
  /** What it answered. */
  reason: Reason;
  /** Why it failed. */
  error: OutriderError | undefined;
}

/** What a round needs of the decision. */
export interface RoundOptions {
  readonly clock: CycleClock;
  /** When the decision's budget ends, by the elapsed time of the clock. */
  readonly deadlineMs: number;
  /** Called once when the last is answered, unless {@link Round.close} found all answered. */
  readonly onDone: () => void;
}

/**
 * Calls that run at once: each is waited for until its budget ends, by one timer that is armed again to the next end.
 * What is answered without delay counts even when no budget is left.
 */
export class Round {
  readonly asks: Ask[] = [];
  readonly #options: RoundOptions;
  #waiting = 0;
  #isClosed = false;
  #timer: unknown;
  /** Elapsed time at the last reading. */
  #readMs: number;

  constructor(options: RoundOptions) {
    this.#options = options;
    this.#readMs = options.clock.elapsedMs();
  }

  /** Time left for a call that is put now, in µs. */
  budgetUs(budgetMs: number): number {
    return Math.max(0, Math.floor((this.#deadlineMs(budgetMs) - this.#readMs) * 1000));
  }

  /** Puts one call. */
  put(name: string, callId: number, budgetMs: number, call: () => Reason | Promise<Reason>): void {
    const startedMs = this.#readMs;
    const deadlineMs = this.#deadlineMs(budgetMs);
    const ask: Ask = {
      name,
      callId,
      startedMs,
      deadlineMs,
      endedMs: startedMs,
      state: "waiting",
      isAsync: false,
      reason: undefined,
      error: undefined,
    };
    this.asks.push(ask);
    try {
      const answer = call();
      if (typeof answer === "object" && answer !== null) this.#wait(ask, answer);
      else answered(ask, answer);
    } catch (error) {
      failed(ask, error);
    }
    this.#readMs = this.#options.clock.elapsedMs();
    ask.endedMs = this.#readMs;
  }

  /** All calls are put: waits for the answers that are due. True where there are none. */
  close(): boolean {
    if (this.#waiting > 0) this.#arm();
    this.#isClosed = true;
    return this.#waiting === 0;
  }

  #deadlineMs(budgetMs: number): number {
    return Math.min(this.#readMs + budgetMs, this.#options.deadlineMs);
  }

  #wait(ask: Ask, answer: Promise<Reason>): void {
    ask.isAsync = true;
    this.#waiting++;
    Promise.resolve(answer).then(
      (reason) => this.#settle(ask, () => answered(ask, reason)),
      (error) => this.#settle(ask, () => failed(ask, error)),
    );
  }

  #settle(ask: Ask, take: () => void): void {
    if (ask.state !== "waiting") return;
    take();
    ask.endedMs = this.#options.clock.elapsedMs();
    this.#waiting--;
    if (this.#waiting === 0) this.#finish();
  }

  #finish(): void {
    if (!this.#isClosed) return;
    if (this.#timer !== undefined) this.#options.clock.cancel(this.#timer);
    this.#timer = undefined;
    this.#options.onDone();
  }

  #arm(): void {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { state, deadlineMs } of this.asks) if (state === "waiting") nextMs = Math.min(nextMs, deadlineMs);
    const leftMs = nextMs - this.#options.clock.elapsedMs();
    if (leftMs > 0) this.#timer = this.#options.clock.after(leftMs, () => this.#ring(nextMs));
    else this.#ring(nextMs);
  }

  /** The bell for all whose budget ends by then; the clock may still read a little less. */
  #ring(bellMs: number): void {
    this.#timer = undefined;
    const nowMs = this.#options.clock.elapsedMs();
    for (const ask of this.asks) {
      if (ask.state !== "waiting" || ask.deadlineMs > Math.max(bellMs, nowMs)) continue;
      ask.state = "late";
      ask.endedMs = nowMs;
      this.#waiting--;
    }
    if (this.#waiting > 0) this.#arm();
    else this.#finish();
  }
}

/** Whole µs of a time in ms. */
export function toUs(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}

function answered(ask: Ask, reason: Reason): void {
  ask.state = "answered";
  ask.reason = reason;
}

function failed(ask: Ask, error: unknown): void {
  ask.state = "failed";
  ask.error = error instanceof OutriderError ? error : wrap(ask.name, error);
}

function wrap(name: string, cause: unknown): OutriderError {
  return new OutriderError("SCORER_FAILED", `${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
}
