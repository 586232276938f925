/** What the pump drives: an engine behind its server. */
export interface Pumped {
  /** Brings the engine to the present and delivers what happened. */
  advance(): void;
  /** Real ms until the engine has something to deliver; `Infinity` while idle. */
  untilNextMs(): number;
}

/** One timer for all engines: it rings when the earliest has something to deliver, and not more often than its tick. */
export interface Pump {
  /** Adds an engine. */
  add(pumped: Pumped): void;
  /** Tells that an engine may have something to deliver earlier than it said. */
  wake(pumped: Pumped): void;
  /** Ends it. */
  stop(): void;
}

/** @param tickMs least real ms between two deliveries: tokens that come faster share one. */
export function createPump(tickMs: number, realNowMs: () => number): Pump {
  const all: Pumped[] = [];
  let timer: NodeJS.Timeout | undefined;
  let ringsAtMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;

  function arm(delayMs: number): void {
    const nowMs = realNowMs();
    const atMs = Math.max(nowMs + delayMs, lastMs + tickMs);
    if (atMs >= ringsAtMs) return;
    clearTimeout(timer);
    ringsAtMs = atMs;
    timer = setTimeout(ring, Math.max(1, Math.ceil(atMs - nowMs)));
  }

  function ring(): void {
    lastMs = realNowMs();
    ringsAtMs = Number.POSITIVE_INFINITY;
    let delayMs = Number.POSITIVE_INFINITY;
    for (const pumped of all) {
      if (pumped.untilNextMs() <= 0) pumped.advance();
      delayMs = Math.min(delayMs, pumped.untilNextMs());
    }
    if (delayMs !== Number.POSITIVE_INFINITY) arm(delayMs);
  }

  return {
    add: (pumped) => void all.push(pumped),
    wake: (pumped) => arm(Math.max(0, pumped.untilNextMs())),
    stop: () => clearTimeout(timer),
  };
}
