/** What a server does while requests queue there, from one page to the next. */
export interface SaturatedRate {
  /**
   * Takes in a page.
   * @param count tokens since the server's start; `NaN` = unknown.
   * @param waiting requests queued; `NaN` = unknown.
   * @param restarted whether the count began anew.
   * @returns tokens per second; `NaN` where no queue has told them of late.
   */
  see(count: number, waiting: number, elapsedMs: number, restarted: boolean): number;
}

/** Shortest queue that tells anything, in ms: one that is gone with the next step says how tokens are counted. */
const leastMs = 5_000;
/** Longest time that a queue may see no token, in ms: counts move at the end of a step, and one step takes seconds. */
const longestStepMs = 10_000;
/** Time with a queue that counts, in ms: what is older fades. */
const memoryMs = 20_000;
/** How long what a server could do is believed after it last had a queue, in ms. */
const believedMs = 60_000;

/**
 * Tokens over time, of all the time from a page with a queue to the next page: that page shows what became of the
 * queue. Windows end with a growth of the count, or they would see the pauses between growths and miss these.
 */
export function createSaturatedRate(): SaturatedRate {
  let known = { tokens: 0, ms: 0, atMs: 0 };
  /** Of the queue at hand: what is not known yet, and whether it has lasted long enough. */
  let open = { tokens: 0, ms: 0, isLong: false };
  let last = { count: Number.NaN, atMs: 0, isQueue: false };

  const learn = (elapsedMs: number) => {
    const keep = Math.exp(-open.ms / memoryMs);
    known = { tokens: keep * known.tokens + open.tokens, ms: keep * known.ms + open.ms, atMs: elapsedMs };
    open = { tokens: 0, ms: 0, isLong: true };
  };
  const grow = (growth: number, passedMs: number, elapsedMs: number) => {
    open.tokens += growth;
    open.ms += passedMs;
    const isWhole = growth > 0 || open.ms >= longestStepMs;
    if (isWhole && (open.isLong || open.ms >= leastMs)) learn(elapsedMs);
  };
  const forget = () => {
    open = { tokens: 0, ms: 0, isLong: false };
  };
  return {
    see(count, waiting, elapsedMs, restarted) {
      const [growth, passedMs] = [count - last.count, elapsedMs - last.atMs];
      if (restarted || elapsedMs - known.atMs > believedMs) known = { tokens: 0, ms: 0, atMs: elapsedMs };
      if (restarted || !(growth >= 0) || passedMs > longestStepMs) forget();
      else if (last.isQueue) grow(growth, passedMs, elapsedMs);
      const isQueue = waiting > 0;
      if (!isQueue) forget();
      last = { count, atMs: elapsedMs, isQueue };
      return known.ms === 0 ? Number.NaN : (known.tokens * 1_000) / known.ms;
    },
  };
}
