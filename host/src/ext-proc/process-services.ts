import type { DeadlineSweep, PhaseDeadlines } from "../doors/deadlines.ts";
import type { HeldBytes } from "../doors/held-bytes.ts";
import type { DoorLimits } from "../doors/limits.ts";
import type { Scheduler } from "../scheduling/types.ts";
import type { ExtProcMetrics } from "./metrics.ts";
import type { SeenBehaviour } from "./modes/choose-modes.ts";
import type { UnannouncedBodyMode } from "./modes/unannounced-body-mode.ts";

/** What all streams of a server share. */
export interface ProcessServices {
  readonly scheduler: Scheduler;
  readonly limits: DoorLimits;
  /** What bodies and the pieces of messages hold together. */
  readonly held: HeldBytes;
  readonly deadlines: PhaseDeadlines;
  readonly sweep: DeadlineSweep;
  readonly metrics: ExtProcMetrics;
  /** What counts for gateways that do not announce their body modes. */
  readonly bodyMode: UnannouncedBodyMode;
  /** Ends the wait for what a gateway that announces nothing does next; nothing is in it in the announced case. */
  readonly graceSweep: DeadlineSweep;
  /** Whether bodies are worth asking for where a gateway does not send them. */
  readonly wantsBody: () => boolean;
  /** Whether any body may be sent on with another model's name in it. */
  readonly mayRewrite: () => boolean;
  /** Whether the headers of conformance suites are obeyed. */
  readonly isConformance: boolean;
  /** Name of the pool for those suites; `undefined` = none. */
  readonly poolName: string | undefined;
  readonly memory: DoorMemory;
}

/** What a server remembers of its streams. */
export interface DoorMemory {
  /** Streams that are open. */
  openStreams: number;
  /** What gateways did that announce nothing. */
  seen: SeenBehaviour;
}
