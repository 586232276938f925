/** How long the runtime waits for what, and how much of it; all in ms unless the name says otherwise. */
export interface PluginTiming {
  /** Start of a child, or loss of its connection, until it listens. */
  readonly startupMs: number;
  /** One attempt to connect. */
  readonly connectMs: number;
  /** One answer of the opening: handshake, configuration. */
  readonly handshakeMs: number;
  /** First full state sent until it is acknowledged. */
  readonly syncMs: number;
  /** Longest wait before the first restart or reconnect; doubles with each failure. */
  readonly backoffMinMs: number;
  /** Longest wait before any restart or reconnect. */
  readonly backoffMaxMs: number;
  /** Time active after which earlier failures are forgotten. */
  readonly stableMs: number;
  /** Crashes that put a plugin in quarantine when they fall within {@link crashWindowMs}. */
  readonly crashLimit: number;
  readonly crashWindowMs: number;
  /** Protocol violations that put a plugin in quarantine when they fall within {@link violationWindowMs}. */
  readonly violationLimit: number;
  readonly violationWindowMs: number;
  /** State sent and not acknowledged for so long: degraded. */
  readonly degradedMs: number;
  /** State sent and not acknowledged for so long: sent whole again, over a new connection where the old one is stuck. */
  readonly resyncMs: number;
  /** Drain sent until the connection is closed. */
  readonly drainMs: number;
  /** SIGTERM until SIGKILL of the process group. */
  readonly killMs: number;
  /** Calls that a new generation is asked beside the old one before it takes over. */
  readonly shadowCalls: number;
  /** It takes over after so long, however few calls there were. */
  readonly shadowMs: number;
  /** Errors in a row that eject a plugin. */
  readonly ejectErrors: number;
  /** Share of calls that missed their budget within {@link ejectWindowMs} above which a plugin is ejected. */
  readonly ejectMissShare: number;
  readonly ejectWindowMs: number;
  /** Fewer calls than this within the window say nothing about misses. */
  readonly ejectMinCalls: number;
  /** Calls of a shorter time say nothing about misses. */
  readonly ejectMinSpanMs: number;
  /** Length of the first ejection; the n-th in a row is n times as long. */
  readonly ejectMs: number;
  readonly ejectMaxMs: number;
  /** Good answers in a row, asked one at a time beside decisions, that bring an ejected plugin back. */
  readonly probeCalls: number;
  /** Bad or missed answers in a row or not that eject it again before. */
  readonly probeFailures: number;
}

/** The contract's times. */
export const defaultTiming: PluginTiming = {
  startupMs: 30_000,
  connectMs: 2_000,
  handshakeMs: 10_000,
  syncMs: 10_000,
  backoffMinMs: 100,
  backoffMaxMs: 30_000,
  stableMs: 60_000,
  crashLimit: 5,
  crashWindowMs: 120_000,
  violationLimit: 3,
  violationWindowMs: 60_000,
  degradedMs: 2_000,
  resyncMs: 10_000,
  drainMs: 5_000,
  killMs: 2_000,
  shadowCalls: 200,
  shadowMs: 10_000,
  ejectErrors: 5,
  ejectMissShare: 0.2,
  ejectWindowMs: 10_000,
  ejectMinCalls: 50,
  ejectMinSpanMs: 2_000,
  ejectMs: 5_000,
  ejectMaxMs: 60_000,
  probeCalls: 20,
  probeFailures: 3,
};

/** As long as a timer of every platform waits for, nearly. */
const patienceMs = 20 * 24 * 3_600_000;

/**
 * For a plugin under a debugger: it is never given up for being silent or slow, nor for what it answers, and is looked
 * for each second at least.
 */
export function attachedTiming(timing: PluginTiming): PluginTiming {
  return {
    ...timing,
    handshakeMs: patienceMs,
    syncMs: patienceMs,
    degradedMs: patienceMs,
    resyncMs: patienceMs,
    backoffMaxMs: Math.min(timing.backoffMaxMs, 1_000),
    violationLimit: Number.POSITIVE_INFINITY,
    ejectErrors: Number.POSITIVE_INFINITY,
    ejectMissShare: 1,
  };
}
