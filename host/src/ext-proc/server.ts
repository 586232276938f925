import type { AddressInfo } from "node:net";
import { createDeadlineSweep, defaultPhaseDeadlines, type PhaseDeadlines, tickFor } from "../doors/deadlines.ts";
import { createHeldBytes, type HeldBytes } from "../doors/held-bytes.ts";
import { type DoorLimits, defaultDoorLimits } from "../doors/limits.ts";
import type { Scheduler } from "../scheduling/types.ts";
import type { TlsSource } from "../tls/tls-source.ts";
import { respondTrailersOnly } from "./grpc-http2.ts";
import { createGrpcListener } from "./grpc-listener.ts";
import { answerHealthCheck, healthPath } from "./health-server.ts";
import type { HealthState } from "./health-status.ts";
import { carryHttp2Stream } from "./http2-stream.ts";
import type { ExtProcMetrics } from "./metrics.ts";
import type { UnannouncedBodyMode } from "./modes/unannounced-body-mode.ts";
import type { ProcessServices } from "./process-services.ts";
import { createProcessStream } from "./process-stream.ts";
import { grpcStatus } from "./stream.ts";

/** Path of the method by which gateways ask. */
const processPath = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

/** Longest message accepted whatever the limit of request bodies: gateways send whole buffers of a response at once. */
const minMessageBytes = 16 * 1024 * 1024;
/** Room in a message for what is not body. */
const besideBodyBytes = 1024 * 1024;
/** How exactly the wait for a gateway that announces nothing is kept, in ms. */
const graceTickMs = 20;

/** What the ext_proc door is made of. */
export interface ExtProcServerOptions {
  readonly scheduler: Scheduler;
  readonly metrics: ExtProcMetrics;
  /** Default {@link defaultDoorLimits}. */
  readonly limits?: DoorLimits;
  /** What all doors hold together; default as much as `limits` says, for this door alone. */
  readonly held?: HeldBytes;
  /** Its side of TLS; `undefined` = plaintext HTTP/2. */
  readonly tls: TlsSource | undefined;
  /** Answers health checks on this port too, beside the health server; `undefined` = not here. */
  readonly health: (() => HealthState) | undefined;
  /** Default {@link defaultPhaseDeadlines}. */
  readonly deadlines?: PhaseDeadlines;
  /** How gateways that do not announce it exchange bodies; default `auto`. */
  readonly bodyMode?: UnannouncedBodyMode;
  /** Whether bodies are worth asking for where a gateway does not send them; asked each time, default never. */
  readonly wantsBody?: () => boolean;
  /** Whether any body may be sent on with another model's name in it; asked each time, default only where headers say so. */
  readonly mayRewrite?: () => boolean;
  /** Whether the headers of conformance suites are obeyed; default not. */
  readonly conformance?: boolean;
  /** Name of the pool, for those suites; default none. */
  readonly poolName?: string | undefined;
}

/** The ext_proc door. */
export interface ExtProcServer {
  /** @param port 0 = any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /**
   * Asks gateways to go elsewhere; serves those that do not until nothing has come for `quietMs` (default 1,000), for
   * at most half of `timeoutMs`; finishes what is open, and closes. After `timeoutMs` whatever is still open is dropped.
   */
  drain(timeoutMs: number, quietMs?: number): Promise<void>;
  /** Drops every connection. */
  close(): Promise<void>;
}

/** Serves `envoy.service.ext_proc.v3.ExternalProcessor`: every stream a request for the scheduler. */
export function createExtProcServer(options: ExtProcServerOptions): ExtProcServer {
  const { tls, health } = options;
  const services = toServices(options);
  const { limits, held } = services;
  const maxMessageBytes = Math.max(limits.maxBodyBytes, minMessageBytes) + besideBodyBytes;
  const listener = createGrpcListener({
    tls,
    maxConnections: limits.maxConnections,
    connectionRefused: options.metrics.connectionRefused,
    call(stream, path) {
      if (path === processPath) {
        carryHttp2Stream(stream, { maxMessageBytes, held }, (carried) => createProcessStream(carried, services));
      } else if (path === healthPath && health !== undefined) {
        answerHealthCheck(stream, health);
      } else {
        respondTrailersOnly(stream, grpcStatus.unimplemented, `unknown method ${path}`);
      }
    },
  });
  return {
    listen: listener.listen,
    drain: (timeoutMs, quietMs = 1000) => listener.drain(timeoutMs, quietMs),
    close: listener.close,
  };
}

function toServices(options: ExtProcServerOptions): ProcessServices {
  const { limits = defaultDoorLimits, deadlines = defaultPhaseDeadlines } = options;
  return {
    scheduler: options.scheduler,
    metrics: options.metrics,
    limits,
    held: options.held ?? createHeldBytes(limits.maxHeldBytes),
    deadlines,
    sweep: createDeadlineSweep(Math.min(tickFor(deadlines), Math.max(5, limits.maxRequestMs / 10))),
    bodyMode: options.bodyMode ?? "auto",
    graceSweep: createDeadlineSweep(graceTickMs),
    wantsBody: options.wantsBody ?? never,
    mayRewrite: options.mayRewrite ?? never,
    isConformance: options.conformance ?? false,
    poolName: options.poolName,
    memory: { openStreams: 0, seen: "nothing" },
  };
}

function never(): boolean {
  return false;
}
