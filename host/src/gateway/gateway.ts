import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createDeadlineSweep, defaultPhaseDeadlines, type PhaseDeadlines, tickFor } from "../doors/deadlines.ts";
import { createHeldBytes, type HeldBytes } from "../doors/held-bytes.ts";
import { type DoorLimits, defaultDoorLimits } from "../doors/limits.ts";
import { listen } from "../listen.ts";
import type { Log } from "../log.ts";
import type { Scheduler } from "../scheduling/types.ts";
import { createAccessLog } from "./access-log.ts";
import { maxHeaders, notHere } from "./check-request.ts";
import { closeWith, isClosing, refusalOf } from "./client-faults.ts";
import { drainServer } from "./drain.ts";
import { defaultGatewayOptions, type GatewayOptions } from "./gateway-options.ts";
import { LiveRequests } from "./live-requests.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { createModelList } from "./models/model-list.ts";
import { type ProxyServices, proxyRequest } from "./proxied-request.ts";
import { createUpstream } from "./upstream/create-upstream.ts";

/** What the gateway is made of. */
export interface GatewayParts {
  readonly scheduler: Scheduler;
  readonly metrics: GatewayMetrics;
  /** Default {@link defaultDoorLimits}. */
  readonly limits?: DoorLimits;
  /** What the bodies of all doors hold; default a bound of the gateway's own, from the limits. */
  readonly held?: HeldBytes;
  /** Default {@link defaultGatewayOptions}. */
  readonly options?: GatewayOptions;
  /** `ip:port` of the model servers that are ready; absent = `/v1/models` goes to one of them like any request. */
  readonly endpoints?: () => readonly string[];
  /** Where the access log goes; absent = nowhere. */
  readonly log?: Log;
  /** Default {@link defaultPhaseDeadlines}, those of responses from the options. */
  readonly deadlines?: PhaseDeadlines;
}

/** An OpenAI-compatible reverse proxy for one machine: every request goes to the endpoint that is decided. */
export interface Gateway {
  /** @param port 0 = any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /**
   * Has every connection close behind its next response, and serves who comes nevertheless until no request has come for
   * `quietMs` (default 1,000), for at most half of `timeoutMs`; then accepts no more connections, and finishes what is
   * open. After `timeoutMs` whatever is still open is dropped.
   */
  drain(timeoutMs: number, quietMs?: number): Promise<void>;
  /** Drops everything. */
  close(): Promise<void>;
}

/** Idle time of a client's connection, in ms. */
const clientKeepAliveMs = 75_000;
/** Longest time in which headers have to come in, in ms. */
const headersMs = 60_000;
/** How long after the request's own deadline its connection is closed, in ms, where nobody was left to answer. */
const afterDeadlineMs = 10_000;

/** Nothing of a response is held back, and of a request only what has to be decided on. */
export function createGateway(parts: GatewayParts): Gateway {
  const { scheduler, metrics, limits = defaultDoorLimits, options = defaultGatewayOptions, endpoints, log } = parts;
  const { connectTimeoutMs, accessLog } = options;
  const deadlines = parts.deadlines ?? deadlinesOf(options);
  const upstream = createUpstream(options);
  const live = new LiveRequests();
  const nowMs = () => performance.now();
  const server = createClientServer(limits, {
    scheduler,
    metrics,
    limits,
    held: parts.held ?? createHeldBytes(limits.maxHeldBytes),
    deadlines,
    sweep: createDeadlineSweep(Math.min(tickFor(deadlines), Math.max(5, limits.maxRequestMs / 10))),
    connectTimeoutMs,
    upstream,
    models: endpoints && createModelList({ endpoints, upstream, metrics, nowMs }),
    accessLog: accessLog && log !== undefined ? createAccessLog(log) : undefined,
    live,
  });
  const stop = async (timeoutMs: number, quietMs: number) => {
    await drainServer(server, live, timeoutMs, quietMs);
    await upstream.close();
  };
  return {
    listen: (host, port) => listen(server, host, port),
    drain: (timeoutMs, quietMs = 1000) => stop(timeoutMs, quietMs),
    close: () => stop(0, 0),
  };
}

function deadlinesOf({ responseTimeoutMs, idleTimeoutMs }: GatewayOptions): PhaseDeadlines {
  return { ...defaultPhaseDeadlines, responseStartMs: responseTimeoutMs, responseIdleMs: idleTimeoutMs };
}

/** The server that clients meet: what is a request is proxied, and what is none is told so in the same form. */
function createClientServer(limits: DoorLimits, services: ProxyServices): Server {
  const { maxHeaderBytes, maxRequestMs, maxConnections } = limits;
  const { metrics, live } = services;
  const headersTimeout = Math.min(headersMs, maxRequestMs);
  const server = createServer({
    keepAliveTimeout: clientKeepAliveMs,
    headersTimeout,
    requestTimeout: maxRequestMs + afterDeadlineMs,
    connectionsCheckingInterval: Math.min(5000, Math.max(20, headersTimeout / 10)),
    maxHeaderSize: maxHeaderBytes,
    requireHostHeader: false,
  });
  server.maxHeadersCount = maxHeaders + 1;
  server.maxConnections = maxConnections;
  const proxy = (request: IncomingMessage, response: ServerResponse) => proxyRequest(request, response, services);
  const turnAway = (socket: Socket, refusal: ReturnType<typeof refusalOf>) => {
    if (refusal === undefined) return void socket.destroy();
    metrics.refused(refusal.code);
    closeWith(socket, refusal);
  };
  server.on("request", proxy);
  server.on("checkContinue", proxy);
  server.on("checkExpectation", proxy);
  server.on("connect", (_, socket: Socket) => turnAway(socket, notHere("tunnels are not proxied")));
  server.on("clientError", (error, socket: Socket) => {
    if (isClosing(socket)) return;
    const response = live.responseOn(socket);
    // A response that has begun cannot become another one, nor may one be taken for that to an earlier request.
    if (response !== undefined && (response.headersSent || response.req.complete)) socket.destroy();
    else turnAway(socket, refusalOf(error, limits));
  });
  server.on("connection", (socket: Socket) => {
    metrics.connected();
    socket.once("close", () => metrics.disconnected());
  });
  server.on("drop", () => metrics.connectionDropped());
  return server;
}
