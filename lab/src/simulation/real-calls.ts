import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "./types.ts";

/** Longest that one moment of virtual time waits for answers, in real ms. */
export const patienceMs = 5_000;
/** Moments in which a plugin did not answer, after which it is not asked any more. */
const mostSilences = 3;

/**
 * Calls that are answered in real time, while virtual time stands still. A plugin that does not answer costs little
 * more than {@link patienceMs} a few times, and its calls are late then.
 */
export class RealCalls {
  readonly #log: Logger;
  readonly #patienceMs: number;
  readonly #open = new Map<object, string>();
  readonly #silences = new Map<string, number>();
  #wake: (() => void) | undefined;

  /** @param patience as {@link patienceMs}. */
  constructor(log: Logger, patience: number = patienceMs) {
    this.#log = log;
    this.#patienceMs = patience;
  }

  /** Whether no call is under way. */
  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  /** Whether a plugin was silent for so often that it is not asked any more. */
  isGivenUp(plugin: string): boolean {
    return (this.#silences.get(plugin) ?? 0) >= mostSilences;
  }

  /** Has virtual time wait for an answer. */
  track<T>(plugin: string, answer: Promise<T>): Promise<T> {
    const call = {};
    this.#open.set(call, plugin);
    const close = () => {
      if (this.#open.delete(call) && this.isIdle) this.#wake?.();
    };
    answer.then(close, close);
    return answer;
  }

  /** Settles when all that can happen at this moment of virtual time has happened. */
  async settle(): Promise<void> {
    do {
      if (!this.isIdle) await this.#answers();
      await nextTurn();
    } while (!this.isIdle);
  }

  #answers(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(() => {
        this.#giveUp();
        done();
      }, this.#patienceMs);
      this.#wake = done;
    });
  }

  #giveUp(): void {
    for (const plugin of new Set(this.#open.values())) {
      const silences = (this.#silences.get(plugin) ?? 0) + 1;
      this.#silences.set(plugin, silences);
      const what = silences < mostSilences ? "its calls count as late" : "it is not asked any more";
      this.#log.warn({ plugin }, `no answer in ${this.#patienceMs} ms: ${what}`);
    }
    this.#open.clear();
  }
}
