import type { CycleClock } from "@outrider/core";

/** Wakes those who wait for something to become true. */
export class ChangeSignal {
  readonly #clock: CycleClock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: CycleClock) {
    this.#clock = clock;
  }

  /** Something may have become true. */
  fire(): void {
    for (const check of this.#waiting) check();
  }

  /** Settles when `holds` does, or after `timeoutMs`. */
  until(holds: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        this.#clock.cancel(timer);
        this.#waiting.delete(check);
        resolve();
      };
      const check = () => {
        if (holds()) finish();
      };
      const timer = this.#clock.after(timeoutMs, finish);
      this.#waiting.add(check);
      check();
    });
  }
}
