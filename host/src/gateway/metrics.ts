import { Counter, Gauge, type Registry } from "prom-client";
import type { RefusalCode } from "../scheduling/types.ts";

/** What the gateway counts. */
export interface GatewayMetrics {
  opened(): void;
  closed(): void;
  /** An endpoint refused the connection and the next one was asked. */
  retried(): void;
  /** A request was answered by an error of the gateway's own. */
  refused(code: RefusalCode): void;
}

/** Registers the metrics. */
export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const open = new Gauge({ name: "outrider_gateway_requests_open", help: "Requests in the gateway.", registers });
  const retries = new Counter({
    name: "outrider_gateway_retries_total",
    help: "Connections that an endpoint refused and that were tried at the next one.",
    registers,
  });
  const refused = new Counter({
    name: "outrider_gateway_refusals_total",
    help: "Requests that the gateway answered with an error of its own, by code.",
    labelNames: ["code"],
    registers,
  });
  return {
    opened: () => open.inc(),
    closed: () => open.dec(),
    retried: () => retries.inc(),
    refused: (code) => refused.inc({ code }),
  };
}
