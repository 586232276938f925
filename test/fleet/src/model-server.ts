import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createEngine, type Engine, type EngineConfig } from "@outrider/lab/engine";
import { answerEcho, answerSse } from "./echo.ts";
import { createEngineClock, type EngineClock } from "./engine-clock.ts";
import type { ServerFaults } from "./faults.ts";
import type { Offer } from "./generation.ts";
import { createHttp1, createHttp1AndH2c, type HttpServer } from "./http-server.ts";
import { Inference } from "./inference.ts";
import { createMetricsEndpoint } from "./metrics/endpoint.ts";
import { createLoraFamily, type LoraFamily } from "./metrics/lora.ts";
import { createServerMetrics, type ServerMetrics } from "./metrics/server-metrics.ts";
import { renderModels } from "./models.ts";
import type { Pump, Pumped } from "./pump.ts";
import { closeConnection, sendJson } from "./respond.ts";
import type { ServerRole } from "./stages/roles.ts";
import { Sidecar } from "./stages/sidecar.ts";
import type { ServerStats } from "./stats.ts";

/** One server to start. */
export interface ModelServerOptions {
  /** What it runs on. */
  readonly engine: EngineConfig;
  /** What it serves. */
  readonly offer: Offer;
  /** Real seconds that an engine second takes. */
  readonly timeScale: number;
  /** What it is, as in the label `llm-d.ai/role`. */
  readonly role: ServerRole;
  /** Address to listen at. */
  readonly host: string;
  /** Port; 0: a free one. */
  readonly port: number;
  /** `ip:port` of the data-parallel ranks that requests may be handed to, itself included; none: it hands on none. */
  ranks(): readonly string[];
  /** Whether it speaks HTTP/2 in plaintext too. */
  readonly speaksH2c: boolean;
}

/** Paths of inference. */
export type InferencePath = keyof typeof inferencePaths;

const inferencePaths = { "/v1/chat/completions": "chat", "/v1/completions": "completions" } as const;

/** A simulated vLLM server. */
export class ModelServer implements Pumped {
  readonly #server: HttpServer;
  readonly #pump: Pump;
  readonly #engine: Engine;
  readonly #clock: EngineClock;
  readonly #metrics: ServerMetrics;
  readonly #inference: Inference;
  readonly #offer: Offer;
  readonly #metricsEndpoint = createMetricsEndpoint();
  readonly #lora: LoraFamily;
  readonly #sidecar: Sidecar<InferencePath>;
  readonly #role: ServerRole;
  readonly #host: string;
  #faults: ServerFaults = {};
  #port: number;
  #openRequests = 0;

  constructor({ engine, offer, timeScale, role, host, port, ranks, speaksH2c }: ModelServerOptions, pump: Pump) {
    this.#pump = pump;
    this.#role = role;
    this.#host = host;
    this.#port = port;
    this.#offer = offer;
    this.#engine = createEngine(engine);
    this.#clock = createEngineClock(timeScale, () => performance.now());
    const { totalBlocks } = this.#engine.stats();
    const facts = { model: offer.models[0], blockSizeTokens: this.#engine.blockSizeTokens, totalBlocks, timeScale };
    this.#metrics = createServerMetrics(facts, Date.now() / 1000);
    this.#lora = createLoraFamily(offer.adapters.length);
    this.#inference = new Inference({
      engine: this.#engine,
      clock: this.#clock,
      metrics: this.#metrics,
      offer,
      endpoint: () => this.endpoint,
      faults: () => this.#faults,
      wake: () => pump.wake(this),
    });
    this.#sidecar = new Sidecar<InferencePath>({
      role,
      ranks,
      endpoint: () => this.endpoint,
      answer: (path, body, request, response) => this.#inference.answer(inferencePaths[path], body, request, response),
    });
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#route(request, response);
    this.#server = speaksH2c ? createHttp1AndH2c(answer) : createHttp1(answer);
  }

  /** Its `ip:port`; the port is known once it listens. */
  get endpoint(): string {
    return `${this.#host}:${this.#port}`;
  }

  /** Starts to listen, again on the same port after it left. @param port in the place of the one it has. */
  async listen(port = this.#port): Promise<void> {
    const { listener } = this.#server;
    if (listener.listening) return;
    listener.listen(port, this.#host);
    await once(listener, "listening");
    this.#port = (listener.address() as AddressInfo).port;
  }

  /** Replaces all its faults; resolves when they are in force. */
  async setFaults(faults: ServerFaults): Promise<void> {
    if (faults.slowFactor !== this.#faults.slowFactor)
      this.#engine.setSlowdown(faults.slowFactor ?? 1, this.#clock.nowMs());
    this.#faults = faults;
    this.#clock.setPaused(faults.hang === true);
    this.#pump.wake(this);
    if (faults.leave === true) this.#server.listener.close();
    else await this.listen();
  }

  /** Counts and gauges. */
  stats(): ServerStats {
    this.#inference.advance();
    const { completed, aborted, running, waiting, kvUsage, queriedTokens, ...rest } = this.#engine.stats();
    const { cachedTokens, generatedTokens, preemptions } = rest;
    const { requests, failed } = this.#inference.counts;
    const gauges = { running, waiting, openRequests: this.#openRequests, kvUsage };
    const counts = { promptTokens: queriedTokens, cachedTokens, generatedTokens, preemptions };
    const who = { endpoint: this.endpoint, role: this.#role };
    return { ...who, requests, completed, aborted, failed, ...gauges, ...counts, ...this.#sidecar.counts };
  }

  advance(): void {
    this.#inference.advance();
  }

  untilNextMs(): number {
    return this.#inference.untilNextMs();
  }

  /** Stops at once, whatever is in progress. */
  async close(): Promise<void> {
    const { listener } = this.#server;
    const closed = listener.listening ? once(listener, "close") : undefined;
    listener.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? "/";
    const queryAt = url.indexOf("?");
    const path = queryAt < 0 ? url : url.slice(0, queryAt);
    this.#track(request, response);
    if (path === "/metrics") this.#answerMetrics(response);
    else if (Object.hasOwn(inferencePaths, path) && request.method !== "POST") {
      sendJson(response, 405, '{"detail":"Method Not Allowed"}');
    } else if (Object.hasOwn(inferencePaths, path)) this.#infer(path as InferencePath, request, response);
    else if (path === "/health") response.end();
    else if (path === "/v1/models") sendJson(response, 200, renderModels(this.#offer, this.#engine.maxModelTokens));
    else if (path === "/echo" || path.startsWith("/echo/"))
      answerEcho(request, response, new URLSearchParams(url.slice(path.length)));
    else if (path === "/sse") answerSse(request, response, new URLSearchParams(url.slice(path.length)));
    else sendJson(response, 404, '{"detail":"Not Found"}');
  }

  /** A server that leaves closes each connection behind the answer on it; a client that leaves is no error. */
  #track(request: IncomingMessage, response: ServerResponse): void {
    this.#openRequests += 1;
    response.setHeader("x-served-by", this.endpoint);
    response.on("error", () => {});
    response.once("close", () => {
      this.#openRequests -= 1;
      if (this.#faults.leave === true) closeConnection(request);
    });
  }

  #infer(path: InferencePath, request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      if (response.destroyed) return;
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      this.#sidecar.take(path, body, request, response);
    });
  }

  #answerMetrics(response: ServerResponse): void {
    this.#inference.advance();
    const { running, waiting } = this.#inference.adaptersInUse();
    const lora = this.#offer.adapters.length === 0 ? "" : this.#lora.render(running, waiting, Date.now() / 1000);
    const render = (page: Buffer) => this.#metrics.render(page, this.#engine.stats(), lora);
    this.#metricsEndpoint.answer(response, this.#metrics.maxPageBytes + lora.length, render, this.#faults.metrics);
  }
}
