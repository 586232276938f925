/** The time of one engine: real time, scaled, and standing still while paused. */
export interface EngineClock {
  /** Now, in engine ms. */
  nowMs(): number;
  /** Real ms from now until the engine's `atMs`; `Infinity` while paused. */
  untilMs(atMs: number): number;
  /** Stops or goes on. */
  setPaused(paused: boolean): void;
}

/**
 * A clock at 0.
 * @param timeScale real seconds that an engine second takes, above 0.
 * @param realNowMs a clock that never goes back, in ms.
 */
export function createEngineClock(timeScale: number, realNowMs: () => number): EngineClock {
  let startMs = realNowMs();
  let pausedMs: number | undefined;
  const nowMs = () => ((pausedMs ?? realNowMs()) - startMs) / timeScale;
  return {
    nowMs,
    untilMs: (atMs) => (pausedMs === undefined ? (atMs - nowMs()) * timeScale : Number.POSITIVE_INFINITY),
    setPaused(paused) {
      if (paused === (pausedMs !== undefined)) return;
      if (pausedMs === undefined) pausedMs = realNowMs();
      else {
        startMs += realNowMs() - pausedMs;
        pausedMs = undefined;
      }
    },
  };
}
