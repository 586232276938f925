import { createBackoff, createStrikes } from "../backoff.ts";
import type { PoolContext } from "./worker-pool.ts";

/** When a plugin that was lost is tried again, and when no more. */
export interface Recovery {
  /** Counts a crash of its own; why it is one too many, if it is. */
  strike(why: string): string | undefined;
  /** Tries again after a while, longer each time; what waits already is put off. */
  later(attempt: () => void): void;
  /** Forgets what was. */
  reset(): void;
  /** Tries no more. */
  stop(): void;
}

/** By the limits that processes have. */
export function createRecovery({ timing, clock }: PoolContext, random: () => number): Recovery {
  const { crashLimit, crashWindowMs } = timing;
  const backoff = createBackoff(timing, random);
  let strikes = createStrikes(crashLimit, crashWindowMs);
  let timer: unknown;
  return {
    strike(why) {
      if (!strikes.add(clock.elapsedMs())) return undefined;
      return `it was lost ${crashLimit} times in ${crashWindowMs / 1000} s, last because ${why}`;
    },
    later(attempt) {
      clock.cancel(timer);
      timer = clock.after(backoff.nextDelayMs(), attempt);
    },
    reset() {
      backoff.reset();
      strikes = createStrikes(crashLimit, crashWindowMs);
    },
    stop: () => clock.cancel(timer),
  };
}
