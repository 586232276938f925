import { Counter, Gauge, type Registry } from "prom-client";
import type { RefusalCode } from "../scheduling/types.ts";

/**
 * How a stream ended: exchange complete; ImmediateResponse; let go by the gateway before that, which is a client or a
 * model server gone; against the protocol; or over a deadline.
 */
export type StreamOutcome = "complete" | "refused" | "cancelled" | "invalid" | "overdue";

/** What the ext_proc door counts. */
export interface ExtProcMetrics {
  opened(): void;
  closed(outcome: StreamOutcome): void;
  /** A request was answered by an ImmediateResponse. */
  refused(code: RefusalCode): void;
}

const outcomes: readonly StreamOutcome[] = ["complete", "refused", "cancelled", "invalid", "overdue"];

/** Registers the metrics; every outcome is there from the start, at 0. */
export function createExtProcMetrics(registry: Registry): ExtProcMetrics {
  const registers = [registry];
  const open = new Gauge({
    name: "outrider_ext_proc_streams_open",
    help: "ext_proc streams that are open.",
    registers,
  });
  const closed = new Counter({
    name: "outrider_ext_proc_streams_total",
    help: "ext_proc streams that are over, by how they ended.",
    labelNames: ["outcome"],
    registers,
  });
  const refused = new Counter({
    name: "outrider_ext_proc_refusals_total",
    help: "ImmediateResponses sent, by code.",
    labelNames: ["code"],
    registers,
  });
  const byOutcome = Object.fromEntries(outcomes.map((outcome) => [outcome, closed.labels(outcome)]));
  for (const child of Object.values(byOutcome)) child.inc(0);
  return {
    opened: () => open.inc(),
    closed(outcome) {
      open.dec();
      byOutcome[outcome]?.inc();
    },
    refused: (code) => refused.inc({ code }),
  };
}
