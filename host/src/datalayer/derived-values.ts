import type { ScrapedKey } from "./engine-spec.ts";
import { createSaturatedRate } from "./saturated-rate.ts";

/** What becomes of an endpoint's scraped values before they are kept. */
export interface DerivedValues {
  /** Columns that are filled: those of its pages, and those made of them. */
  readonly columns: readonly ScrapedKey[];
  /**
   * Values of a page, with counts since the server's start turned into rates; written anew with each page.
   * @param inflight requests that this host has sent and that are not done.
   * @param restarted whether the server's counts began anew.
   */
  derive(values: Float64Array, inflight: number, elapsedMs: number, restarted: boolean): Float64Array;
}

/** Columns that are filled where pages fill these: themselves, and what is made of them. */
export function filledColumns(columns: readonly ScrapedKey[]): readonly ScrapedKey[] {
  const rates: readonly ScrapedKey[] = columns.some(isTokens) ? ["rate.saturated_tokens"] : [];
  return [...columns, "foreign_requests", ...rates];
}

/**
 * Makes columns of one endpoint's pages: what others have sent, rates of tokens, and their sum while requests queued.
 * @param columns that pages fill, in their order; those of a `rate.` hold counts.
 */
export function createDerivedValues(columns: readonly ScrapedKey[]): DerivedValues {
  const filled = filledColumns(columns);
  const [waitingAt, runningAt] = [columns.indexOf("waiting_requests"), columns.indexOf("running_requests")];
  const [foreignAt, saturatedAt] = [filled.indexOf("foreign_requests"), filled.indexOf("rate.saturated_tokens")];
  const rates = columns.flatMap((key, at) => (key.startsWith("rate.") ? [{ at, rate: createRate() }] : []));
  const tokensAt = columns.flatMap((key, at) => (isTokens(key) ? [at] : []));
  const saturated = createSaturatedRate();
  const result = new Float64Array(filled.length);
  return {
    columns: filled,
    derive(values, inflight, elapsedMs, restarted) {
      result.set(values);
      const waiting = waitingAt < 0 ? Number.NaN : values[waitingAt];
      const running = runningAt < 0 ? Number.NaN : values[runningAt];
      result[foreignAt] = Math.max(0, waiting + running - inflight);
      for (const { at, rate } of rates) result[at] = rate.see(values[at], elapsedMs, restarted);
      if (saturatedAt >= 0) {
        let tokens = 0;
        for (const at of tokensAt) tokens += values[at];
        result[saturatedAt] = saturated.see(tokens, waiting, elapsedMs, restarted);
      }
      return result;
    },
  };
}

function isTokens(key: ScrapedKey): boolean {
  return key === "rate.prompt_tokens" || key === "rate.output_tokens";
}

/** Shortest time that growth is measured over, in ms: pages come every 50 ms, tokens in bursts. */
const windowMs = 1_000;
/** Longest time between two pages that are one window, in ms. */
const longestWindowMs = 10_000;
/** How long a rate stands that nothing confirms, in ms. */
const rateGapMs = 10_000;
/** Share of the newest window in a rate. */
const newestShare = 0.3;

/** Growth of a count per second, over the windows in which it was known; `NaN` before the first. */
function createRate() {
  let startMs = 0;
  let startCount = Number.NaN;
  let rate = Number.NaN;
  let measuredMs = 0;
  return {
    see(count: number, elapsedMs: number, restarted: boolean): number {
      const growth = count - startCount;
      const passedMs = elapsedMs - startMs;
      if (restarted || elapsedMs - measuredMs > rateGapMs) rate = Number.NaN;
      if (restarted || !(growth >= 0) || passedMs > longestWindowMs) {
        startMs = elapsedMs;
        startCount = count;
      } else if (passedMs >= windowMs) {
        const newest = (growth * 1_000) / passedMs;
        rate = Number.isNaN(rate) ? newest : rate + newestShare * (newest - rate);
        startMs = measuredMs = elapsedMs;
        startCount = count;
      }
      return rate;
    },
  };
}
