import { Counter, Gauge, type Registry } from "prom-client";
import { countRefusedConnections } from "../doors/metrics.ts";
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
  /** A connection was closed at once: there were as many as may be. */
  connectionRefused(): void;
}

/** Registers the metrics. Streams are counted in plain numbers, which are read when the metrics are. */
export function createExtProcMetrics(registry: Registry): ExtProcMetrics {
  const registers = [registry];
  const byOutcome: Record<StreamOutcome, number> = { complete: 0, refused: 0, cancelled: 0, invalid: 0, overdue: 0 };
  let openCount = 0;
  new Gauge({
    name: "outrider_ext_proc_streams_open",
    help: "ext_proc streams that are open.",
    registers,
    collect() {
      this.set(openCount);
    },
  });
  new Counter({
    name: "outrider_ext_proc_streams_total",
    help: "ext_proc streams that are over, by how they ended.",
    labelNames: ["outcome"],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(byOutcome)) this.inc({ outcome }, count);
    },
  });
  const refused = new Counter({
    name: "outrider_ext_proc_refusals_total",
    help: "ImmediateResponses sent, by code.",
    labelNames: ["code"],
    registers,
  });
  return {
    opened() {
      openCount++;
    },
    closed(outcome) {
      openCount--;
      byOutcome[outcome]++;
    },
    refused: (code) => refused.inc({ code }),
    connectionRefused: countRefusedConnections(registry, "ext_proc"),
  };
}
