import type { DoneCause } from "@outrider/core";
import type { DeadlineSweep, Guarded, PhaseDeadlines } from "../doors/deadlines.ts";
import type { HeldBytes } from "../doors/held-bytes.ts";
import { overdue, tooLarge, tooMuchHeld } from "../doors/refusals.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { Refusal, Routed, Scheduler } from "../scheduling/types.ts";
import { ExtProcRequest } from "./ext-proc-request.ts";
import { encodeResponseHeaders, encodeRoute, encodeTrailers } from "./messages/answers.ts";
import { HeaderList } from "./messages/header-list.ts";
import { readServed, readSubset } from "./messages/metadata.ts";
import { decodeProcessingRequest, type PartKind, type ProcessingMessage } from "./messages/processing-request.ts";
import type { ExtProcMetrics, StreamOutcome } from "./metrics.ts";
import type { BodyMode } from "./modes/body-mode.ts";
import { chooseMode } from "./modes/choose-mode.ts";
import { fullDuplex } from "./modes/full-duplex.ts";
import { encodeRefusal } from "./refusal-answer.ts";
import { type ExtProcPeer, type ExtProcStream, grpcStatus } from "./stream.ts";

/** What all streams of a server share. */
export interface ProcessServices {
  readonly scheduler: Scheduler;
  /** Most that is held of a request's body, in bytes; 413 above it. */
  readonly maxBodyBytes: number;
  /** What bodies and the pieces of messages hold together. */
  readonly held: HeldBytes;
  readonly deadlines: PhaseDeadlines;
  readonly sweep: DeadlineSweep;
  readonly metrics: ExtProcMetrics;
}

/**
 * Where a stream is: before its first message; while the body comes in; until the decision; until the response; during
 * it; and when nothing is left to answer.
 */
type Phase = "opening" | "holding" | "deciding" | "waiting" | "responding" | "over";

/** How a request ended: with its headers, its body or its trailers. */
type Ending = "headers" | "body" | "trailers";

/** How long the gateway may take to let go of a stream that is over, in ms. */
const lingerMs = 10_000;

/** Headers of the gateway's own dealings that a client has no business to send on. */
const gatewayOnlyHeaders = ["x-gateway-destination-endpoint-subset", "x-gateway-destination-endpoint-served"];

const responseHeadersAnswer = Buffer.from(encodeResponseHeaders([["x-went-into-resp-headers", "true"]]));
const noHeaders = new HeaderList(Buffer.alloc(0));

/** Answers one stream: holds the request, has it decided, passes the response through, and ends the exchange once. */
export function createProcessStream(stream: ExtProcStream, services: ProcessServices): ExtProcPeer {
  return new ProcessStream(stream, services);
}

class ProcessStream implements ExtProcPeer, Guarded {
  dueMs = 0;
  readonly #stream: ExtProcStream;
  readonly #services: ProcessServices;
  #phase: Phase = "opening";
  #outcome: StreamOutcome = "cancelled";
  #mode: BodyMode = fullDuplex;
  #headers: HeaderList = noHeaders;
  #subset: readonly string[] | undefined;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #ending: Ending = "headers";
  #halfClosed = false;
  #routed: Routed | undefined;

  constructor(stream: ExtProcStream, services: ProcessServices) {
    this.#stream = stream;
    this.#services = services;
    services.sweep.add(this, services.deadlines.requestIdleMs);
    services.metrics.opened();
  }

  get isResponding(): boolean {
    return this.#phase === "waiting" || this.#phase === "responding";
  }

  message(chunk: Buffer, from: number, to: number): void {
    if (this.#phase === "over") return;
    const message = decodeProcessingRequest(chunk, from, to);
    switch (message.kind) {
      case "request_headers":
        this.#requestHeaders(message);
        break;
      case "request_body":
        if (this.#isHolding(message.kind)) this.#requestBody(message);
        break;
      case "request_trailers":
        if (this.#isHolding(message.kind)) this.#requestTrailers(message);
        break;
      case "response_headers":
        this.#responseHeaders(message);
        break;
      case "response_body":
        this.#responseBody(message);
        break;
      case "response_trailers":
        this.#responseTrailers();
        break;
      case undefined:
        this.#violate("a message without a part of the request or response");
    }
  }

  broken(fault: "malformed" | "oversize" | "held", message: string): void {
    if (fault === "held" && this.#isComingIn()) this.#refuse(tooMuchHeld(this.#services.held.maxBytes));
    if (this.#phase === "holding" && fault === "oversize") this.#refuse(tooLarge(this.#services.maxBodyBytes));
    this.#stream.end(fault === "malformed" ? grpcStatus.internal : grpcStatus.resourceExhausted, message);
    this.#finish("invalid", "unknown");
  }

  halfClosed(): void {
    this.#halfClosed = true;
    if (this.#phase === "deciding") return;
    this.#stream.end(grpcStatus.ok, "");
    this.#finish("cancelled", "client_cancelled");
  }

  closed(): void {
    this.#finish("cancelled", "client_cancelled");
    this.#services.sweep.remove(this);
    this.#services.metrics.closed(this.#outcome);
  }

  overdue(): void {
    const phase = this.#phase;
    this.dueMs = Number.POSITIVE_INFINITY;
    if (phase === "over") this.#stream.abort();
    else if (phase === "opening") this.#stream.end(grpcStatus.deadlineExceeded, "no message in time");
    else this.#refuse(overdue(phase), "overdue", "upstream_error");
    this.#finish("overdue", "unknown");
    this.#stream.flush();
  }

  #requestHeaders(message: ProcessingMessage): void {
    const chosen = chooseMode(message.modes, !message.endOfStream);
    if (this.#phase !== "opening") this.#violate("request_headers come twice");
    else if (chosen.kind === "refused") this.#refuse(chosen);
    else this.#begin(message, chosen.mode);
  }

  #begin(message: ProcessingMessage, mode: BodyMode): void {
    this.#mode = mode;
    this.#headers = message.headers ?? noHeaders;
    this.#noteSubset(message);
    if (message.endOfStream) this.#decide("headers");
    else this.#enter("holding", this.#services.deadlines.requestIdleMs);
  }

  #isComingIn(): boolean {
    return this.#phase === "opening" || this.#phase === "holding";
  }

  /** Whether more of the request is expected. What comes behind a response the gateway made itself is dropped. */
  #isHolding(part: PartKind): boolean {
    if (this.#phase === "holding") return true;
    if (this.#phase !== "responding") this.#violate(`${part} without a request that goes on`);
    return false;
  }

  #requestBody(message: ProcessingMessage): void {
    const body = message.body as Buffer;
    this.#bodyBytes += body.length;
    if (this.#bodyBytes > this.#services.maxBodyBytes) {
      this.#refuse(tooLarge(this.#services.maxBodyBytes));
      return;
    }
    if (body.length > 0) this.#body.push(body);
    this.#noteSubset(message);
    if (message.endOfStream) this.#decide("body");
    else this.#enter("holding", this.#services.deadlines.requestIdleMs);
  }

  #requestTrailers(message: ProcessingMessage): void {
    this.#noteSubset(message);
    this.#decide("trailers");
  }

  #decide(ending: Ending): void {
    this.#ending = ending;
    this.#enter("deciding", this.#services.deadlines.decisionMs);
    const body = ending === "headers" ? undefined : this.#body;
    const decision = this.#services.scheduler.decide(new ExtProcRequest(this.#headers, body, this.#subset));
    if (decision instanceof Promise) {
      void decision.then((made) => {
        this.#decided(made);
        this.#stream.flush();
      });
    } else {
      this.#decided(decision);
    }
  }

  #decided(decision: Routed | Refusal): void {
    if (this.#phase !== "deciding") {
      const isCancelled = this.#phase === "over" && this.#outcome === "cancelled";
      if (decision.kind === "routed") decision.end(isCancelled ? "client_cancelled" : "unknown");
    } else if (decision.kind === "refused") {
      this.#refuse(decision);
    } else {
      this.#route(decision);
    }
  }

  #route(routed: Routed): void {
    this.#routed = routed;
    const remove = gatewayOnlyHeaders.filter((name) => this.#headers.has(name));
    this.#stream.send(encodeRoute(routed.destinations.join(","), routed.setHeaders, remove));
    if (this.#ending !== "headers") this.#mode.answerRequestBody(this.#stream, this.#body, this.#ending === "body");
    if (this.#ending === "trailers") this.#stream.send(encodeTrailers("request_trailers"));
    this.#letGoOfRequest();
    this.#enter("waiting", this.#services.deadlines.responseStartMs);
    if (this.#halfClosed) this.halfClosed();
  }

  /** Also of a response that the gateway made itself, at any time; what is being decided is then beside the point. */
  #responseHeaders(message: ProcessingMessage): void {
    if (this.#phase === "responding") {
      this.#violate("response_headers come twice");
      return;
    }
    const headers = message.headers ?? noHeaders;
    const status = Number(headers.get(":status")) || 0;
    this.#letGoOfRequest();
    this.#stream.send(responseHeadersAnswer);
    this.#routed?.responseHeaders(status, (name) => headers.get(name), readServed(message.bytes, message.metadata));
    if (message.endOfStream || !this.#mode.seesResponseBody) this.#complete();
    else this.#enter("responding", this.#services.deadlines.responseIdleMs);
  }

  #responseBody(message: ProcessingMessage): void {
    const body = message.body as Buffer;
    this.#mode.answerResponseBody(this.#stream, body, message.endOfStream);
    this.#routed?.responseChunk(body);
    if (message.endOfStream) this.#complete();
    else this.#enter("responding", this.#services.deadlines.responseIdleMs);
  }

  #responseTrailers(): void {
    this.#stream.send(encodeTrailers("response_trailers"));
    this.#complete();
  }

  /** The last message tells that the exchange is complete; how its stream ends does not. */
  #complete(): void {
    this.#finish("complete", "ok");
    if (this.#halfClosed) this.#stream.end(grpcStatus.ok, "");
  }

  #refuse(refusal: Refusal, outcome: StreamOutcome = "refused", cause: DoneCause = "unknown"): void {
    this.#services.metrics.refused(refusal.code);
    this.#stream.send(encodeRefusal(refusal));
    this.#stream.end(grpcStatus.ok, "");
    this.#finish(outcome, cause);
  }

  /** What no gateway does. A client that has seen nothing yet gets an answer that says so. */
  #violate(fault: string): void {
    if (this.#phase === "responding") this.#stream.end(grpcStatus.invalidArgument, fault);
    else this.#refuse(refuse("Internal", `the gateway broke the ext_proc protocol: ${fault}`), "invalid");
    this.#finish("invalid", "unknown");
  }

  /** Ends the exchange; only the first call counts. */
  #finish(outcome: StreamOutcome, cause: DoneCause): void {
    if (this.#phase === "over") return;
    this.#outcome = outcome;
    this.#routed?.end(cause);
    this.#routed = undefined;
    this.#letGoOfRequest();
    this.#enter("over", lingerMs);
  }

  #letGoOfRequest(): void {
    this.#headers = noHeaders;
    this.#body = [];
    this.#subset = undefined;
  }

  #noteSubset({ bytes, metadata }: ProcessingMessage): void {
    if (metadata.length > 0) this.#subset = readSubset(bytes, metadata) ?? this.#subset;
  }

  #enter(phase: Phase, deadlineMs: number): void {
    this.#phase = phase;
    this.dueMs = this.#services.sweep.nowMs + deadlineMs;
  }
}
