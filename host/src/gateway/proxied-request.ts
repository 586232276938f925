import type { IncomingMessage, ServerResponse } from "node:http";
import type { DoneCause } from "@outrider/core";
import type { DeadlineSweep, Guarded } from "../doors/deadlines.ts";
import type { HeldBytes } from "../doors/held-bytes.ts";
import type { DoorLimits } from "../doors/limits.ts";
import { overdue, tooManyRequests, tooSlow } from "../doors/refusals.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { Refusal, Routed, Scheduler } from "../scheduling/types.ts";
import type { AccessLog } from "./access-log.ts";
import { checkRequest, hasBody } from "./check-request.ts";
import { ClientResponse } from "./client-response.ts";
import { type Forwarded, Forwarding, type ForwardingServices } from "./forwarding.ts";
import { GatewayRequest } from "./gateway-request.ts";
import { HeldBody } from "./held-body.ts";
import type { LiveRequests } from "./live-requests.ts";
import type { RequestOutcome } from "./metrics.ts";
import type { ModelList, Models } from "./models/model-list.ts";
import { answerModels, isModelsPath } from "./models/models-path.ts";
import { requestIdHeader, toRequestId } from "./request-id.ts";
import { RequestTally } from "./request-tally.ts";
import { parseTarget, type RequestTarget, withoutQuery } from "./request-target.ts";

/** What all requests of a gateway share. */
export interface ProxyServices extends ForwardingServices {
  readonly scheduler: Scheduler;
  readonly limits: DoorLimits;
  readonly held: HeldBytes;
  readonly sweep: DeadlineSweep;
  /** `undefined` = requests for models go to a model server like any other. */
  readonly models: ModelList | undefined;
  /** `undefined` = off. */
  readonly accessLog: AccessLog | undefined;
  readonly live: LiveRequests;
}

/** Where a request is: coming in, being decided, sent and not yet answered, being answered, or over but for the wire. */
type Phase = "holding" | "deciding" | "waiting" | "responding" | "over";

/** How long the rest of a refused request is read, so that its client can read why, in ms. */
const lingerMs = 5000;

/** Holds one request, has it decided, and passes its response through. */
export function proxyRequest(request: IncomingMessage, response: ServerResponse, services: ProxyServices): void {
  const { socket } = request;
  const proxied = new ProxiedRequest(request, response, services);
  services.live.add(socket, response);
  response.on("close", () => {
    services.live.remove(socket, response);
    proxied.closed();
  });
  proxied.start();
}

class ProxiedRequest implements Guarded, Forwarded {
  dueMs = 0;
  readonly response: ClientResponse;
  readonly tally = new RequestTally();
  readonly #request: IncomingMessage;
  readonly #services: ProxyServices;
  readonly #requestId: string;
  #target: RequestTarget = { path: "", authority: undefined };
  #phase: Phase = "holding";
  /** By when the whole request has to be in, on the sweep's clock. */
  #wholeByMs = Number.POSITIVE_INFINITY;
  #body: HeldBody | undefined;
  #forwarding: Forwarding | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, services: ProxyServices) {
    this.#request = request;
    this.#services = services;
    this.#requestId = toRequestId(request.headers[requestIdHeader]);
    this.response = new ClientResponse(response, services.live, this.tally);
  }

  start(): void {
    const { sweep, deadlines, metrics, models } = this.#services;
    sweep.add(this, deadlines.requestIdleMs);
    metrics.opened();
    this.#request.on("error", ignore);
    const refusal = this.#check();
    if (refusal !== undefined) this.#refuse(refusal);
    else if (models !== undefined && isModelsPath(this.#method, withoutQuery(this.#target.path))) this.#list(models);
    else if (hasBody(this.#request)) this.#hold();
    else this.#decide();
  }

  /** The response is through, or the client is gone. */
  closed(): void {
    const { metrics, sweep, accessLog } = this.#services;
    if (this.#phase !== "over") {
      this.#finish("client_cancelled", "client_gone");
      this.#forwarding?.cancel();
    } else if (!this.response.isThrough && this.tally.outcome === "ok") {
      this.tally.outcome = "client_gone";
    }
    sweep.remove(this);
    metrics.closed(this.tally.outcome, this.tally.bytesIn, this.tally.bytesOut);
    if (accessLog !== undefined) this.#log(accessLog);
  }

  overdue(): void {
    switch (this.#phase) {
      case "holding":
        this.#refuse(this.#tooSlow());
        break;
      case "deciding":
        this.unanswered(overdue("deciding"));
        break;
      case "waiting":
        this.#forwarding?.timedOut("response_timeout");
        this.unanswered(overdue("waiting"));
        break;
      case "responding":
        if (this.response.isPaused) {
          this.response.destroy();
        } else {
          this.#forwarding?.timedOut("idle_timeout");
          this.unanswered(overdue("responding"));
        }
        break;
      case "over":
        if (this.response.isEnded) this.response.destroy();
        else this.#endResponse();
    }
  }

  waits(phase: "waiting" | "responding", deadlineMs: number): void {
    this.#enter(phase, deadlineMs);
  }

  bodyDone(): void {
    this.#body?.release();
  }

  answered(trailers: readonly [name: string, value: string][]): void {
    this.#finish("ok", "ok");
    this.#endResponse(trailers);
  }

  /** The client is told as far as it has not seen a response; one that it sees is cut. */
  unanswered(refusal: Refusal): void {
    const isTold = !this.response.hasBegun;
    if (isTold) {
      this.#forwarding?.refused(refusal.status);
      this.#answer(refusal, false);
    }
    this.#forwarding?.cancel();
    this.#finish("upstream_error", "upstream_error");
    if (isTold) this.#endResponse();
    else this.response.destroy();
  }

  get #method(): string {
    return this.#request.method ?? "GET";
  }

  #check(): Refusal | undefined {
    const { live, limits } = this.#services;
    const target = parseTarget(this.#request.url ?? "");
    if (target === undefined) return refuse("BadRequest", "the request target is no path");
    this.#target = target;
    if (live.count > limits.maxOpenRequests) return tooManyRequests(limits.maxOpenRequests);
    return checkRequest(this.#request, limits);
  }

  #list(models: ModelList): void {
    this.#enter("deciding", this.#services.deadlines.decisionMs);
    void models.read(this.#request.headers.authorization).then((result) => {
      if (this.#phase === "deciding") this.#listed(result);
    });
  }

  #listed(result: Models | Refusal): void {
    const answer = result.kind === "refused" ? result : answerModels(withoutQuery(this.#target.path), result);
    if (!Buffer.isBuffer(answer)) {
      this.#refuse(answer);
      return;
    }
    const headers = ["content-type", "application/json", "content-length", String(answer.length)];
    this.response.begin(200, [...headers, requestIdHeader, this.#requestId]);
    this.response.write(answer);
    this.#finish("unknown", "ok");
    this.#endResponse();
  }

  #hold(): void {
    const { limits, held, sweep, deadlines } = this.#services;
    const body = new HeldBody(limits, held);
    this.#body = body;
    this.#wholeByMs = sweep.nowMs + limits.maxRequestMs;
    this.#enter("holding", deadlines.requestIdleMs);
    if (this.#request.headers.expect !== undefined) this.response.proceed();
    this.#request.on("data", (chunk: Buffer) => {
      if (this.#phase !== "holding") return;
      this.#enter("holding", deadlines.requestIdleMs);
      const refusal = body.add(chunk);
      if (refusal !== undefined) this.#refuse(refusal);
    });
    this.#request.on("end", () => {
      if (this.#phase === "holding") this.#decide();
    });
  }

  #tooSlow(): Refusal {
    const { sweep, limits } = this.#services;
    if (sweep.nowMs >= this.#wholeByMs) return tooSlow(limits.maxRequestMs);
    return refuse("RequestTimeout", "the rest of the request did not come in time");
  }

  #decide(): void {
    this.#enter("deciding", this.#services.deadlines.decisionMs);
    const { rawHeaders } = this.#request;
    const body = this.#body?.end();
    const about = { path: this.#target.path, rawHeaders, requestId: this.#requestId, body };
    const decision = this.#services.scheduler.decide(new GatewayRequest(about));
    if (decision instanceof Promise) void decision.then((made) => this.#decided(made));
    else this.#decided(decision);
  }

  #decided(decision: Routed | Refusal): void {
    if (this.#phase !== "deciding") {
      if (decision.kind === "routed") decision.end("client_cancelled");
    } else if (decision.kind === "refused") {
      this.#refuse(decision);
    } else {
      this.#forward(decision);
    }
  }

  #forward(routed: Routed): void {
    const { path, authority } = this.#target;
    const { rawHeaders } = this.#request;
    const body = this.#body?.end() ?? [];
    const request = { method: this.#method, path, authority, rawHeaders, requestId: this.#requestId, body };
    this.#forwarding = new Forwarding(routed, request, this.#services, this);
    this.#forwarding.send();
  }

  /** The request is answered without a model server. What of it is still to come is read, for a while. */
  #refuse(refusal: Refusal): void {
    const isUnread = hasBody(this.#request) && !this.#request.complete;
    this.#answer(refusal, isUnread);
    this.#finish("unknown", "refused");
    if (!isUnread) {
      this.#endResponse();
      return;
    }
    this.#enter("over", lingerMs);
    this.#request.on("end", () => this.#endResponse());
    this.#request.resume();
  }

  #answer(refusal: Refusal, closes: boolean): void {
    this.#services.metrics.refused(refusal.code);
    this.response.refuse(refusal, this.#requestId, closes);
  }

  #endResponse(trailers: readonly [name: string, value: string][] = []): void {
    this.#enter("over", this.#services.deadlines.responseIdleMs);
    this.response.end(trailers);
  }

  /** Ends the exchange; only the first call counts. */
  #finish(cause: DoneCause, outcome: RequestOutcome): void {
    if (this.#phase === "over") return;
    this.tally.outcome = outcome;
    this.tally.bytesIn = this.#body?.bytes ?? 0;
    this.#forwarding?.end(cause);
    this.#enter("over", Number.POSITIVE_INFINITY);
    this.#body?.release();
  }

  #enter(phase: Phase, deadlineMs: number): void {
    this.#phase = phase;
    const dueMs = this.#services.sweep.nowMs + deadlineMs;
    this.dueMs = phase === "holding" ? Math.min(dueMs, this.#wholeByMs) : dueMs;
  }

  #log(accessLog: AccessLog): void {
    const path = withoutQuery(this.#target.path);
    const { status } = this.response;
    const { endpoint, decisionId } = this.#forwarding ?? { endpoint: undefined, decisionId: undefined };
    const requestId = this.#requestId;
    accessLog(this.tally.toLine({ method: this.#method, path, status, endpoint, decisionId, requestId }));
  }
}

function ignore(): void {}
