/**
 * When code that cannot be interrupted is taken off the event loop. A pause of the whole host (garbage collection, a
 * machine that stood still) falls into one call of one plugin, so no pause disables anything.
 */
export const overrunLimits = {
  /** Calls in a row that overran. */
  inRow: 5,
  /** Share of the calls within {@link windowMs} above which it is too many, in [0, 1]. */
  share: 0.2,
  windowMs: 10_000,
  /** Fewer calls than this within the window say nothing about the share. */
  leastCalls: 25,
} as const;

/** Watches how long one inline plugin holds the event loop. */
export interface OverrunGuard {
  /** A call has held it for `tookMs`; returns why the plugin is to be disabled, if it is. */
  took(tookMs: number, nowMs: number): string | undefined;
  /** Forgets what was. */
  reset(): void;
}

/** @param overran told of each overrun. */
export function createOverrunGuard(budgetMs: number, overran: (tookMs: number) => void): OverrunGuard {
  const { inRow, share, windowMs, leastCalls } = overrunLimits;
  let row = 0;
  let longestMs = 0;
  let calls = 0;
  let overruns = 0;
  let windowEndsMs = 0;

  const reset = () => {
    [row, longestMs, calls, overruns, windowEndsMs] = [0, 0, 0, 0, 0];
  };
  const describe = (how: string) =>
    `${how} held the host's event loop for more than its budget of ${budgetMs} ms, up to ${longestMs.toFixed(1)} ms: ` +
    `write "placement: worker" for it, or give it a larger budget`;

  return {
    took(tookMs, nowMs) {
      if (nowMs >= windowEndsMs) [calls, overruns, windowEndsMs] = [0, 0, nowMs + windowMs];
      calls += 1;
      if (tookMs <= budgetMs) {
        row = 0;
        return undefined;
      }
      row += 1;
      overruns += 1;
      longestMs = Math.max(longestMs, tookMs);
      overran(tookMs);
      if (row >= inRow) return describe(`${inRow} calls in a row`);
      if (calls < leastCalls || overruns <= share * calls) return undefined;
      return describe(`${overruns} of ${calls} calls within ${windowMs / 1000} s`);
    },
    reset,
  };
}
