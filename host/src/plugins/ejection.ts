import type { CycleClock } from "@outrider/core";
import { MissWindow } from "./miss-window.ts";
import type { PluginTiming } from "./plugin-timing.ts";

/** What an ejection leads to. */
export interface EjectionEvents {
  /** No calls of decisions any more. */
  eject(message: string): void;
  /** Its time is over: it is asked beside decisions, one call at a time. */
  attempt(message: string): void;
  /** It did well: calls of decisions again. */
  restore(): void;
}

/** What it is made of. */
export interface EjectionOptions {
  readonly timing: PluginTiming;
  readonly clock: CycleClock;
  /** Longest budget of a call, in ms. */
  readonly budgetMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly events: EjectionEvents;
}

/** How a call ended: `neither` says nothing about the plugin, such as one that was shed. */
export type CallEnd = "good" | "bad" | "missed" | "neither";

/** Shortest share of an ejection that jitter leaves of it. */
const leastShare = 0.8;

/**
 * Takes a plugin out of decisions that fails in a row or misses its budgets, and tries it again beside them: its first
 * good answers in a row bring it back, or a while without a bad one; a few bad ones eject it for longer.
 */
export class Ejection {
  readonly #options: EjectionOptions;
  readonly #window: MissWindow;
  #phase: "in" | "out" | "trial" = "in";
  #errorsInRow = 0;
  #ejections = 0;
  #restoredAtMs = 0;
  #timer: unknown;
  #goodProbes = 0;
  #badProbes = 0;
  /** When the probe under way has missed its budget; none is under way: in the past. */
  #probeDueMs = Number.NEGATIVE_INFINITY;
  #isProbing = false;

  constructor(options: EjectionOptions) {
    this.#options = options;
    this.#window = new MissWindow(options.timing.ejectWindowMs, options.budgetMs);
  }

  /** Whether decisions go on without it. */
  get isOut(): boolean {
    return this.#phase !== "in";
  }

  /** A call of a decision was put. */
  put(nowMs: number): void {
    if (!this.#window.put(nowMs)) return;
    const { ejectMissShare, ejectMinCalls, ejectMinSpanMs, ejectWindowMs } = this.#options.timing;
    const share = this.#window.missShare(nowMs, ejectMinCalls, ejectMinSpanMs);
    if (share <= ejectMissShare) return;
    const percent = Math.round(share * 100);
    this.#eject(`${percent} % of its calls of the last ${ejectWindowMs / 1000} s missed their budget`);
  }

  /** A call of a decision has ended. */
  ended(putAtMs: number, end: CallEnd, message: string): void {
    if (end === "missed") return;
    this.#window.settled(putAtMs);
    if (end === "good") this.#errorsInRow = 0;
    if (end !== "bad" || this.isOut) return;
    this.#errorsInRow += 1;
    const { ejectErrors } = this.#options.timing;
    if (this.#errorsInRow >= ejectErrors) this.#eject(`${ejectErrors} errors in a row, last: ${message}`);
  }

  /** Whether a call beside a decision is wanted now; it is then to be put, and its end told. */
  mayProbe(nowMs: number, budgetMs: number): boolean {
    if (this.#phase !== "trial") return false;
    if (this.#isProbing) {
      if (nowMs <= this.#probeDueMs) return false;
      this.#probed("missed", "no answer within the budget");
      if (this.#phase !== "trial") return false;
    }
    this.#isProbing = true;
    this.#probeDueMs = nowMs + budgetMs;
    return true;
  }

  /** The call put at `putAtMs + budgetMs = dueMs` has ended; one that was counted as missed counts no more. */
  probeEnded(dueMs: number, end: CallEnd, message: string): void {
    if (!this.#isProbing || dueMs !== this.#probeDueMs) return;
    this.#probed(end, message);
  }

  /** Its connection is gone: what it did is forgotten, but for how often it was ejected. */
  reset(): void {
    this.#options.clock.cancel(this.#timer);
    this.#phase = "in";
    this.#isProbing = false;
    this.#errorsInRow = 0;
    this.#window.clear();
  }

  #probed(end: CallEnd, message: string): void {
    this.#isProbing = false;
    const { probeCalls, probeFailures } = this.#options.timing;
    if (end === "neither") return;
    if (end === "good") {
      this.#goodProbes += 1;
      if (this.#goodProbes >= probeCalls) this.#restore();
      return;
    }
    this.#goodProbes = 0;
    this.#badProbes += 1;
    if (this.#badProbes >= probeFailures) this.#eject(`it did no better when it was tried: ${message}`);
  }

  #eject(message: string): void {
    const { clock, timing, random, events } = this.#options;
    clock.cancel(this.#timer);
    const isForgotten = this.#phase === "in" && clock.elapsedMs() - this.#restoredAtMs >= timing.stableMs;
    this.#ejections = isForgotten ? 1 : this.#ejections + 1;
    this.#phase = "out";
    const wholeMs = Math.min(timing.ejectMaxMs, timing.ejectMs * this.#ejections);
    const forMs = wholeMs * (leastShare + (1 - leastShare) * random());
    this.#timer = clock.after(forMs, () => this.#attempt());
    events.eject(`${message}; not asked for ${(forMs / 1000).toFixed(1)} s`);
  }

  #attempt(): void {
    this.#phase = "trial";
    this.#goodProbes = 0;
    this.#badProbes = 0;
    this.#isProbing = false;
    const { clock, timing, events } = this.#options;
    this.#timer = clock.after(timing.ejectWindowMs, () => this.#endTrial());
    events.attempt("ejected, and tried beside decisions");
  }

  /** Where few calls come, or none, nothing bad is as good as many good ones: a host that is not ready gets no calls. */
  #endTrial(): void {
    if (this.#phase !== "trial") return;
    const isOverdue = this.#isProbing && this.#options.clock.elapsedMs() > this.#probeDueMs;
    if (this.#badProbes === 0 && !isOverdue) this.#restore();
    else this.#attempt();
  }

  #restore(): void {
    this.reset();
    this.#restoredAtMs = this.#options.clock.elapsedMs();
    this.#options.events.restore();
  }
}
