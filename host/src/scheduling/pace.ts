/** How long requests take, as far as their ends are seen: what a client that is refused for want of room is told. */
export interface Pace {
  /** A request has ended well. @param e2eMs decision to end. */
  ended(e2eMs: number): void;
  /**
   * Seconds until a load that is `saturation` times what fits has become one that fits, were nothing new to come: load
   * that leaves at the pace of recent requests shrinks as e^(−t ÷ their mean duration). Whole, in [1, 60]; 1 where no
   * request has ended yet.
   */
  retryAfterS(saturation: number): number;
}

/** Share of the newest request in the mean: it follows the last hundred or so. */
const newestShare = 1 / 32;
const maxRetryAfterS = 60;

/** Of requests that are still to come. */
export function createPace(): Pace {
  let meanMs = 0;
  return {
    ended(e2eMs) {
      meanMs = meanMs === 0 ? e2eMs : meanMs + newestShare * (e2eMs - meanMs);
    },
    retryAfterS(saturation) {
      const seconds = Math.ceil((meanMs / 1000) * Math.log(Math.max(saturation, 1)));
      return Math.min(Math.max(seconds, 1), maxRetryAfterS);
    },
  };
}
