import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import { createDeadlineSweep, defaultPhaseDeadlines, type PhaseDeadlines, tickFor } from "../doors/deadlines.ts";
import type { Scheduler } from "../scheduling/types.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { proxyRequest } from "./proxied-request.ts";

/** Time an endpoint has to accept a connection, in ms. */
const connectTimeoutMs = 2000;
/** Idle time of a connection to an endpoint, in ms: less than model servers (5 s) keep theirs. */
const endpointKeepAliveMs = 4000;
/** Idle time of a client's connection, in ms. */
const clientKeepAliveMs = 75_000;
const pollMs = 20;

/** What the gateway is made of. */
export interface GatewayOptions {
  readonly scheduler: Scheduler;
  readonly metrics: GatewayMetrics;
  /** Most that is held of a request's body, in bytes; 413 above it. */
  readonly maxBodyBytes: number;
  /** Default {@link defaultPhaseDeadlines}. */
  readonly deadlines?: PhaseDeadlines;
}

/** An OpenAI-compatible reverse proxy for one machine: every request goes to the endpoint that is decided. */
export interface Gateway {
  /** @param port 0 = any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Accepts no more connections and finishes what is open; drops what is left after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** Drops everything. */
  close(): Promise<void>;
}

/** Nothing of a response is held back, and of a request only what has to be decided on. */
export function createGateway(options: GatewayOptions): Gateway {
  const { deadlines = defaultPhaseDeadlines, scheduler, metrics, maxBodyBytes } = options;
  const agent = new Agent({
    allowH2: false,
    connect: { timeout: connectTimeoutMs },
    keepAliveTimeout: endpointKeepAliveMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const sweep = createDeadlineSweep(tickFor(deadlines));
  const services = { scheduler, metrics, maxBodyBytes, deadlines, sweep, agent };
  const server = createServer({ keepAliveTimeout: clientKeepAliveMs }, (request, response) =>
    proxyRequest(request, response, services),
  );

  /** Ends once no connection is left, when all exchanges have been told. */
  const stop = async (graceMs: number) => {
    const endMs = performance.now() + graceMs;
    let isStopped = !server.listening;
    server.close(() => {
      isStopped = true;
    });
    while (!isStopped) {
      if (performance.now() < endMs) server.closeIdleConnections();
      else server.closeAllConnections();
      await sleep(pollMs);
    }
    await agent.destroy();
  };
  return {
    async listen(host, port) {
      server.listen({ host, port });
      await once(server, "listening");
      server.on("error", ignore);
      return server.address() as AddressInfo;
    },
    drain: stop,
    close: () => stop(0),
  };
}

function ignore(): void {}
