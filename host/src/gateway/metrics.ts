import { Counter, Gauge, type Registry } from "prom-client";
import { countRefusedConnections } from "../doors/metrics.ts";
import { type CounterSeries, createPlainCounter } from "../metrics/plain-counter.ts";
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

/** Registers the metrics. */
export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const open = { requests: 0, connections: 0 };
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string) => createPlainCounter(registry, name, help);
  const labelled = <Label extends string>(name: string, help: string, label: Label) =>
    new Counter({ name, help, labelNames: [label], registers: [registry] });

  gauge("outrider_gateway_requests_open", "Requests in the gateway.", () => open.requests);
  gauge("outrider_gateway_connections_open", "Connections of clients.", () => open.connections);
  const retries = counter("outrider_gateway_retries_total", "Requests sent once more.").series({});
  const received = counter("outrider_gateway_request_bytes_total", "Bytes of requests' bodies.").series({});
  const sent = counter("outrider_gateway_response_bytes_total", "Bytes of responses' bodies.").series({});
  const requests = counter("outrider_gateway_requests_total", "Requests that are over, by how they ended.");
  const outcomes: Readonly<Record<RequestOutcome, CounterSeries>> = {
    ok: requests.series({ outcome: "ok" }),
    refused: requests.series({ outcome: "refused" }),
    client_gone: requests.series({ outcome: "client_gone" }),
    upstream_error: requests.series({ outcome: "upstream_error" }),
  };
  const refusals = labelled("outrider_gateway_refusals_total", "Errors of the gateway's own, by code.", "code");
  const faults = labelled("outrider_gateway_upstream_faults_total", "Attempts at a model server that failed.", "fault");
  const models = labelled("outrider_gateway_models_asked_total", "Model servers asked for their models.", "outcome");
  return {
    opened() {
      open.requests++;
    },
    closed(outcome, bytesIn, bytesOut) {
      open.requests--;
      received.inc(bytesIn);
      sent.inc(bytesOut);
      outcomes[outcome].inc();
    },
    retried: () => retries.inc(),
    attemptFailed: (fault) => faults.inc({ fault }),
    refused: (code) => refusals.inc({ code }),
    connected() {
      open.connections++;
    },
    disconnected() {
      open.connections--;
    },
    connectionDropped: countRefusedConnections(registry, "gateway"),
    modelsAsked: (outcome) => models.inc({ outcome }),
  };
}
