/** How long the runtime waits for what; all in ms unless the name says otherwise. */
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
};
