import { earlySpan } from "./growth.ts";

/** About how long a cycle of misdeeds is, in ms. */
const wantedCycleMs = 60_000;

/**
 * Length of a cycle of misdeeds for a run, in ms: about a minute, and such that the spans growth is measured over hold
 * whole cycles, so that both see the same weather.
 */
export function cycleMsOf(runMs: number): number {
  const spanMs = runMs * (earlySpan.to - earlySpan.from);
  return spanMs / Math.max(1, Math.round(spanMs / wantedCycleMs));
}
