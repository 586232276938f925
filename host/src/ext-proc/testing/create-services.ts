import { Registry } from "prom-client";
import { createDeadlineSweep, defaultPhaseDeadlines } from "../../doors/deadlines.ts";
import { createHeldBytes } from "../../doors/held-bytes.ts";
import { defaultDoorLimits } from "../../doors/limits.ts";
import { createFakeScheduler } from "../../doors/testing/fake-scheduler.ts";
import { createExtProcMetrics } from "../metrics.ts";
import type { ProcessServices } from "../process-services.ts";

/** What the streams of a door share, for a stream without a server. @param more what differs from the defaults. */
export function createServices(more: Partial<ProcessServices> = {}): ProcessServices {
  return {
    scheduler: createFakeScheduler(),
    limits: defaultDoorLimits,
    held: createHeldBytes(defaultDoorLimits.maxHeldBytes),
    deadlines: defaultPhaseDeadlines,
    sweep: createDeadlineSweep(100),
    metrics: createExtProcMetrics(new Registry()),
    bodyMode: "auto",
    graceSweep: createDeadlineSweep(20),
    wantsBody: () => false,
    mayRewrite: () => false,
    isConformance: false,
    poolName: undefined,
    memory: { openStreams: 0, seen: "nothing" },
    ...more,
  };
}
