import type { CycleClock } from "@outrider/core";

/** The machine's own time. */
export const systemClock: CycleClock = {
  nowMs: Date.now,
  elapsedMs: () => performance.now(),
  after: (delayMs, callback) => setTimeout(callback, delayMs),
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
