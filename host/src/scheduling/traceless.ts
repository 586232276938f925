import type { Lease } from "@outrider/core";
import { Registry } from "prom-client";
import { createDecisionRing } from "./decision-ring.ts";
import { createSchedulingMetrics } from "./metrics.ts";
import type { SchedulerParts } from "./scheduler-parts.ts";

const noLease: Lease = { slot: 0, openedAtMs: 0, firstToken() {}, end() {}, letGo() {} };

/** Parts of a scheduler that decides the same way and leaves no trace: no lease, feedback, record or metric. */
export function toTraceless(parts: SchedulerParts): SchedulerParts {
  return {
    ...parts,
    leases: { open: () => noLease },
    ring: createDecisionRing(1),
    metrics: createSchedulingMetrics(new Registry(), () => 0),
    observer: undefined,
    recorder: () => undefined,
    isRehearsal: true,
    onRequired: () => {},
  };
}
