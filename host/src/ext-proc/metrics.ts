import { Counter, Gauge, type Registry } from "prom-client";
import { countRefusedConnections } from "../doors/metrics.ts";
import { type CounterSeries, createPlainCounter } from "../metrics/plain-counter.ts";
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

/** Registers the metrics. */
export function createExtProcMetrics(registry: Registry): ExtProcMetrics {
  const registers = [registry];
  let openCount = 0;
  new Gauge({
    name: "outrider_ext_proc_streams_open",
    help: "ext_proc streams that are open.",
    registers,
    collect() {
      this.set(openCount);
    },
  });
  const ended = createPlainCounter(
    registry,
    "outrider_ext_proc_streams_total",
    "ext_proc streams that are over, by how they ended.",
  );
  const byOutcome: Readonly<Record<StreamOutcome, CounterSeries>> = {
    complete: ended.series({ outcome: "complete" }),
    refused: ended.series({ outcome: "refused" }),
    cancelled: ended.series({ outcome: "cancelled" }),
    invalid: ended.series({ outcome: "invalid" }),
    overdue: ended.series({ outcome: "overdue" }),
  };
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
      byOutcome[outcome].inc();
    },
    refused: (code) => refused.inc({ code }),
    connectionRefused: countRefusedConnections(registry, "ext_proc"),
  };
}
