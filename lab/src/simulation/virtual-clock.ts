import type { CycleClock } from "@outrider/core";
import { EventQueue, type QueuedEvent } from "./event-queue.ts";

/** Unix ms at which every simulation starts. */
export const epochMs: number = Date.UTC(2026, 0, 1);

/** Time that goes from event to event, and stands still between them. */
export class VirtualClock implements CycleClock {
  readonly #queue = new EventQueue();
  #atMs = 0;

  /** Virtual ms from the start, with fractions. */
  get atMs(): number {
    return this.#atMs;
  }

  /** Whole, as that of a machine is: plugins in other processes are told no fractions. */
  readonly nowMs = (): number => Math.floor(epochMs + this.#atMs);

  readonly elapsedMs = (): number => this.#atMs;

  readonly after = (delayMs: number, callback: () => void | Promise<void>): QueuedEvent =>
    this.#queue.add(this.#atMs + Math.max(0, delayMs), callback);

  readonly cancel = (timer: unknown): void => {
    if (timer !== undefined) (timer as QueuedEvent).run = undefined;
  };

  /** Runs `callback` at a time from the start, at once in order where that has passed. */
  at(atMs: number, callback: () => void | Promise<void>): QueuedEvent {
    return this.#queue.add(Math.max(atMs, this.#atMs), callback);
  }

  /** Goes to the next event and lets it happen. False where there is none; a promise holds the time until it settles. */
  step(): boolean | Promise<void> {
    for (let event = this.#queue.take(); event !== undefined; event = this.#queue.take()) {
      const { run } = event;
      if (run === undefined) continue;
      this.#atMs = event.atMs;
      return run() ?? true;
    }
    return false;
  }
}
