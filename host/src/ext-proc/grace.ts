import type { DeadlineSweep, Guarded } from "../doors/deadlines.ts";

/** How long a gateway that announces nothing may take to go on by itself, in ms: its own patience ends after 200. */
const graceMs = 130;

/** A wait for what a gateway does next. */
export interface Grace {
  /** It did something; only the first call counts. */
  stop(): void;
}

/** @param over called once where nobody stops it in time. */
export function startGrace(sweep: DeadlineSweep, over: () => void): Grace {
  const guarded: Guarded = { dueMs: 0, overdue: over };
  sweep.add(guarded, graceMs);
  return { stop: () => sweep.remove(guarded) };
}
