import type { PluginTiming } from "./plugin-timing.ts";

/** Waits between attempts that fail: full jitter, so that plugins lost together do not return together. */
export interface Backoff {
  /** Wait before the next attempt, in ms. */
  nextDelayMs(): number;
  /** An attempt has held for long enough: earlier failures are forgotten. */
  reset(): void;
}

/** Uniform in [0, cap), the cap doubling from `backoffMinMs` to `backoffMaxMs`. */
export function createBackoff(timing: PluginTiming, random: () => number): Backoff {
  let failures = 0;
  return {
    nextDelayMs() {
      const capMs = Math.min(timing.backoffMaxMs, timing.backoffMinMs * 2 ** failures);
      failures += 1;
      return random() * capMs;
    },
    reset() {
      failures = 0;
    },
  };
}

/** Tells when events come too often. */
export interface Strikes {
  /** Notes one at `nowMs`; true when `limit` of them fall within the window. */
  add(nowMs: number): boolean;
}

/** Counts events within a sliding window of `windowMs`. */
export function createStrikes(limit: number, windowMs: number): Strikes {
  let times: number[] = [];
  return {
    add(nowMs) {
      times = times.filter((time) => nowMs - time < windowMs);
      times.push(nowMs);
      return times.length >= limit;
    },
  };
}
