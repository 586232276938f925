/** Longest time a request may spend in each of its phases at a door, in ms. A gateway has no deadline of its own. */
export interface PhaseDeadlines {
  /** Between two parts of the request, its first one included. */
  readonly requestIdleMs: number;
  /** From the whole request to the decision; the scheduler has its own budget, this is the guard behind it. */
  readonly decisionMs: number;
  /** From the answer to the first part of the response: queueing and prefill, or a whole answer that is not streamed. */
  readonly responseStartMs: number;
  /** Between two parts of the response. */
  readonly responseIdleMs: number;
}

/** Generous: they end what is lost, not what is slow. */
export const defaultPhaseDeadlines: PhaseDeadlines = {
  requestIdleMs: 300_000,
  decisionMs: 60_000,
  responseStartMs: 3_600_000,
  responseIdleMs: 600_000,
};

/** What has a deadline. */
export interface Guarded {
  /** End of its phase on the clock of its {@link DeadlineSweep}; `Infinity` = none. */
  dueMs: number;
  /** The phase is over time. Called at each tick until `dueMs` is moved or the guarded is removed. */
  overdue(): void;
}

/** Deadlines of everything a door has open, by one timer; each is met late by up to a tick. */
export interface DeadlineSweep {
  /** Monotonic clock in ms that moves once a tick; what is added to it for a new `dueMs`. */
  readonly nowMs: number;
  /** @param phaseMs longest time of its first phase. */
  add(guarded: Guarded, phaseMs: number): void;
  remove(guarded: Guarded): void;
}

/** @param tickMs how often it looks; no timer runs while nothing is open. */
export function createDeadlineSweep(tickMs: number): DeadlineSweep {
  const open = new Set<Guarded>();
  let nowMs = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const tick = () => {
    nowMs = performance.now();
    for (const guarded of open) if (guarded.dueMs <= nowMs) guarded.overdue();
  };
  return {
    get nowMs() {
      return nowMs;
    },
    add(guarded, phaseMs) {
      if (timer === undefined) {
        nowMs = performance.now();
        timer = setInterval(tick, tickMs);
        timer.unref();
      }
      guarded.dueMs = nowMs + phaseMs;
      open.add(guarded);
    },
    remove(guarded) {
      open.delete(guarded);
      if (open.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** A tick that meets the shortest of the deadlines within a tenth, and no longer than 250 ms. */
export function tickFor(deadlines: PhaseDeadlines): number {
  return Math.min(250, Math.max(5, Math.min(...Object.values(deadlines)) / 10));
}
