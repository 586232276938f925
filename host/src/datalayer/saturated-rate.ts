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
  let [knownTokens, knownMs, knownAtMs] = [0, 0, 0];
  // Of the queue at hand: what is not known yet, and whether it has lasted long enough.
  let [openTokens, openMs, isLong] = [0, 0, false];
  let [lastCount, lastAtMs, wasQueue] = [Number.NaN, 0, false];

  const learn = (elapsedMs: number) => {
    const keep = Math.exp(-openMs / memoryMs);
    knownTokens = keep * knownTokens + openTokens;
    knownMs = keep * knownMs + openMs;
    knownAtMs = elapsedMs;
    openTokens = openMs = 0;
    isLong = true;
  };
  const grow = (growth: number, passedMs: number, elapsedMs: number) => {
    openTokens += growth;
    openMs += passedMs;
    const isWhole = growth > 0 || openMs >= longestStepMs;
    if (isWhole && (isLong || openMs >= leastMs)) learn(elapsedMs);
  };
  const forget = () => {
    openTokens = openMs = 0;
    isLong = false;
  };
  return {
    see(count, waiting, elapsedMs, restarted) {
      const growth = count - lastCount;
      const passedMs = elapsedMs - lastAtMs;
      if (restarted || elapsedMs - knownAtMs > believedMs) knownTokens = knownMs = 0;
      if (restarted || !(growth >= 0) || passedMs > longestStepMs) forget();
      else if (wasQueue) grow(growth, passedMs, elapsedMs);
      wasQueue = waiting > 0;
      if (!wasQueue) forget();
      lastCount = count;
      lastAtMs = elapsedMs;
      return knownMs === 0 ? Number.NaN : (knownTokens * 1_000) / knownMs;
    },
  };
}
