import { Counter, Gauge, type Registry } from "prom-client";
import { countRefusedConnections } from "../doors/metrics.ts";
import type { RefusalCode } from "../scheduling/types.ts";
import type { UpstreamFailure } from "./upstream/types.ts";

/**
 * How a request ended: answered whole, by the model server or by the gateway itself; answered with an error of the
 * gateway's own; its client gone before; or the model server failed it.
 */
export type RequestOutcome = "ok" | "refused" | "client_gone" | "upstream_error";

/** Why one attempt at a model server came to nothing. */
export type AttemptFault = UpstreamFailure["kind"] | "response_timeout" | "idle_timeout";

/** What the gateway counts. */
export interface GatewayMetrics {
  opened(): void;
  /** @param bytesIn bytes of the request's body. @param bytesOut bytes of the response's body. */
  closed(outcome: RequestOutcome, bytesIn: number, bytesOut: number): void;
  /** A request was sent once more. */
  retried(): void;
  /** A model server did not answer, or not to the end. */
  attemptFailed(fault: AttemptFault): void;
  /** A request was answered by an error of the gateway's own. */
  refused(code: RefusalCode): void;
  connected(): void;
  disconnected(): void;
  /** A connection above the limit was closed at once. */
  connectionDropped(): void;
  /** A model server was asked for its models. */
  modelsAsked(outcome: "answered" | "failed"): void;
}

/** Registers the metrics. Requests are counted in plain numbers, which are read when the metrics are. */
export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const counts = { requests: 0, connections: 0, retries: 0, bytesIn: 0, bytesOut: 0 };
  const outcomes: Record<RequestOutcome, number> = { ok: 0, refused: 0, client_gone: 0, upstream_error: 0 };
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({ name, help, registers: [registry], collect: collectOne(read) });
  };
  const counter = (name: string, help: string, read: () => number) => {
    new Counter({ name, help, registers: [registry], collect: collectOne(read) });
  };
  const labelled = <Label extends string>(name: string, help: string, label: Label) =>
    new Counter({ name, help, labelNames: [label], registers: [registry] });

  gauge("outrider_gateway_requests_open", "Requests in the gateway.", () => counts.requests);
  gauge("outrider_gateway_connections_open", "Connections of clients.", () => counts.connections);
  counter("outrider_gateway_retries_total", "Requests sent once more.", () => counts.retries);
  counter("outrider_gateway_request_bytes_total", "Bytes of requests' bodies.", () => counts.bytesIn);
  counter("outrider_gateway_response_bytes_total", "Bytes of responses' bodies.", () => counts.bytesOut);
  new Counter({
    name: "outrider_gateway_requests_total",
    help: "Requests that are over, by how they ended.",
    labelNames: ["outcome"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(outcomes)) this.inc({ outcome }, count);
    },
  });
  const refusals = labelled("outrider_gateway_refusals_total", "Errors of the gateway's own, by code.", "code");
  const faults = labelled("outrider_gateway_upstream_faults_total", "Attempts at a model server that failed.", "fault");
  const models = labelled("outrider_gateway_models_asked_total", "Model servers asked for their models.", "outcome");
  return {
    opened() {
      counts.requests++;
    },
    closed(outcome, bytesIn, bytesOut) {
      counts.requests--;
      counts.bytesIn += bytesIn;
      counts.bytesOut += bytesOut;
      outcomes[outcome]++;
    },
    retried() {
      counts.retries++;
    },
    attemptFailed: (fault) => faults.inc({ fault }),
    refused: (code) => refusals.inc({ code }),
    connected() {
      counts.connections++;
    },
    disconnected() {
      counts.connections--;
    },
    connectionDropped: countRefusedConnections(registry, "gateway"),
    modelsAsked: (outcome) => models.inc({ outcome }),
  };
}

/** A metric of one series that has the value read. */
function collectOne(read: () => number) {
  return function (this: { reset(): void; inc(value: number): void }): void {
    this.reset();
    this.inc(read());
  };
}
