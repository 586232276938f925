import type { IncomingMessage, ServerResponse } from "node:http";
import type { DoneCause } from "@outrider/core";
import type { Agent, Dispatcher } from "undici";
import type { DeadlineSweep, Guarded, PhaseDeadlines } from "../doors/deadlines.ts";
import { overdue, tooLarge } from "../doors/refusals.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { Refusal, Routed, Scheduler } from "../scheduling/types.ts";
import { answerError } from "./error-answer.ts";
import { GatewayRequest } from "./gateway-request.ts";
import { withoutHopHeaders } from "./hop-headers.ts";
import type { GatewayMetrics } from "./metrics.ts";

/** What all requests of a gateway share. */
export interface ProxyServices {
  readonly scheduler: Scheduler;
  readonly metrics: GatewayMetrics;
  /** Most that is held of a request's body, in bytes; 413 above it. */
  readonly maxBodyBytes: number;
  readonly deadlines: PhaseDeadlines;
  readonly sweep: DeadlineSweep;
  readonly agent: Agent;
}

/** Where a request is: coming in, being decided, sent and not yet answered, being answered, or over. */
type Phase = "holding" | "deciding" | "waiting" | "responding" | "over";

/** Headers that are not the client's to send on: the gateway writes them, or they are none of the model server's. */
const ownHeaders = ["content-length", "x-gateway-destination-endpoint"];

/** Holds one request, has it decided, and passes its response through. */
export function proxyRequest(request: IncomingMessage, response: ServerResponse, services: ProxyServices): void {
  new ProxiedRequest(request, response, services).start();
}

class ProxiedRequest implements Guarded, Dispatcher.DispatchHandler {
  dueMs = 0;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #services: ProxyServices;
  #phase: Phase = "holding";
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #routed: Routed | undefined;
  /** Position of the endpoint that is asked in the destinations. */
  #attempt = 0;
  /** The request is on its way to that endpoint, over a connection that stands. */
  #controller: Dispatcher.DispatchController | undefined;
  #hasWritten = false;

  constructor(request: IncomingMessage, response: ServerResponse, services: ProxyServices) {
    this.#request = request;
    this.#response = response;
    this.#services = services;
  }

  start(): void {
    this.#services.sweep.add(this, this.#services.deadlines.requestIdleMs);
    this.#services.metrics.opened();
    this.#response.on("close", () => this.#closed());
    this.#request.on("error", ignore);
    if (!this.#request.url?.startsWith("/")) this.#refuse(refuse("BadRequest", "the request target is no path"));
    else if (hasBody(this.#request)) this.#hold();
    else this.#decide(undefined);
  }

  overdue(): void {
    if (this.#phase === "over") return;
    if (this.#phase === "responding") this.#response.destroy();
    this.#fail(overdue(this.#phase));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#phase === "over") controller.abort(new Error("the client is gone"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingMessage["headers"],
  ): void {
    if (this.#phase !== "waiting" || status < 200) return;
    this.#enter("responding", this.#services.deadlines.responseIdleMs);
    this.#routed?.responseHeaders(
      status,
      (name) => headers[name]?.toString(),
      this.#routed.destinations[this.#attempt],
    );
    this.#response.writeHead(status, withoutHopHeaders(toStrings(controller.rawHeaders), []));
    setImmediate(() => {
      if (!this.#hasWritten) this.#response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#phase !== "responding") return;
    this.#enter("responding", this.#services.deadlines.responseIdleMs);
    this.#routed?.responseChunk(chunk);
    this.#hasWritten = true;
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#phase !== "responding") return;
    this.#hasWritten = true;
    this.#response.end();
    this.#finish("ok");
  }

  /** A connection that never stood has sent nothing, so the next endpoint can have the request. */
  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#phase === "responding") this.#response.destroy();
    const hasNext = this.#attempt + 1 < (this.#routed?.destinations.length ?? 0);
    if (this.#phase === "waiting" && this.#controller === undefined && hasNext) {
      this.#services.metrics.retried();
      this.#attempt++;
      this.#send();
    } else {
      this.#fail(this.#controller === undefined ? unreachable(error) : brokenOff(error));
    }
  }

  #hold(): void {
    this.#request.on("data", (chunk: Buffer) => {
      if (this.#phase !== "holding") return;
      this.#bodyBytes += chunk.length;
      this.#enter("holding", this.#services.deadlines.requestIdleMs);
      if (this.#bodyBytes > this.#services.maxBodyBytes) this.#refuse(tooLarge(this.#services.maxBodyBytes));
      else this.#body.push(chunk);
    });
    this.#request.on("end", () => {
      if (this.#phase === "holding") this.#decide(this.#body);
    });
  }

  #decide(body: readonly Buffer[] | undefined): void {
    this.#enter("deciding", this.#services.deadlines.decisionMs);
    const decision = this.#services.scheduler.decide(new GatewayRequest(this.#request, body));
    if (decision instanceof Promise) void decision.then((made) => this.#decided(made));
    else this.#decided(decision);
  }

  #decided(decision: Routed | Refusal): void {
    if (this.#phase !== "deciding") {
      if (decision.kind === "routed") decision.end("client_cancelled");
    } else if (decision.kind === "refused") {
      this.#refuse(decision);
    } else {
      this.#routed = decision;
      this.#enter("waiting", this.#services.deadlines.responseStartMs);
      this.#send();
    }
  }

  #send(): void {
    const { method = "GET", url = "/", rawHeaders } = this.#request;
    const { destinations, setHeaders } = this.#routed as Routed;
    const replaced = setHeaders.map(([name]) => name.toLowerCase());
    const headers = withoutHopHeaders(rawHeaders, [...ownHeaders, ...replaced]).concat(...setHeaders);
    const body = this.#body.length === 0 ? null : Buffer.concat(this.#body, this.#bodyBytes);
    const origin = `http://${destinations[this.#attempt]}`;
    this.#controller = undefined;
    this.#services.agent.dispatch({ origin, path: url, method: method as Dispatcher.HttpMethod, headers, body }, this);
  }

  /** The request is answered without a model server. */
  #refuse(refusal: Refusal): void {
    this.#services.metrics.refused(refusal.code);
    answerError(this.#response, refusal);
    this.#request.resume();
    this.#finish("unknown");
  }

  /** The model server failed the request: its client is told as far as it has not seen a response. */
  #fail(refusal: Refusal): void {
    if (this.#phase === "over") return;
    if (!this.#response.headersSent) {
      this.#routed?.responseHeaders(refusal.status, () => undefined, undefined);
      this.#services.metrics.refused(refusal.code);
      answerError(this.#response, refusal);
    }
    this.#finish("upstream_error");
    this.#controller?.abort(new Error(refusal.message));
  }

  /** The response is through, or the client is gone. */
  #closed(): void {
    const isCut = this.#phase !== "over";
    this.#finish("client_cancelled");
    if (isCut) this.#controller?.abort(new Error("the client is gone"));
    this.#services.sweep.remove(this);
    this.#services.metrics.closed();
  }

  /** Ends the exchange; only the first call counts. */
  #finish(cause: DoneCause): void {
    if (this.#phase === "over") return;
    this.#routed?.end(cause);
    this.#enter("over", Number.POSITIVE_INFINITY);
    this.#routed = undefined;
    this.#body = [];
  }

  #enter(phase: Phase, deadlineMs: number): void {
    this.#phase = phase;
    this.dueMs = this.#services.sweep.nowMs + deadlineMs;
  }
}

function ignore(): void {}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function unreachable(error: Error): Refusal {
  return refuse("ServiceUnavailable", `no model server accepts the connection: ${error.message}`);
}

function brokenOff(error: Error): Refusal {
  return { ...refuse("ServiceUnavailable", `the model server broke off: ${error.message}`), status: 502 };
}

/** Header bytes as Node writes them again. */
function toStrings(headers: unknown): string[] {
  const strings: string[] = [];
  for (const part of headers as readonly (Buffer | string)[]) strings.push(part.toString("latin1"));
  return strings;
}
