import type { Guarded } from "../doors/deadlines.ts";
import { overdue, tooLarge, tooManyRequests, tooMuchHeld, tooSlow } from "../doors/refusals.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { Refusal, Routed } from "../scheduling/types.ts";
import { type AnnouncedModes, decodeProcessingRequest, type ProcessingMessage } from "./messages/processing-request.ts";
import type { StreamOutcome } from "./metrics.ts";
import { chooseModes } from "./modes/choose-modes.ts";
import type { RequestMode } from "./modes/request-mode.ts";
import type { ResponseMode } from "./modes/response-mode.ts";
import type { ProcessServices } from "./process-services.ts";
import { encodeRefusal } from "./refusal-answer.ts";
import { RequestSide } from "./request-side.ts";
import { ResponseSide } from "./response-side.ts";
import { type ExtProcPeer, type ExtProcStream, grpcStatus } from "./stream.ts";
import type { ExchangeEnd, Phase, StreamControl } from "./stream-control.ts";

/** How long the gateway may take to let go of a stream that is over, in ms. */
const lingerMs = 10_000;

/** Answers one stream: its request is decided, its response passed on, and its exchange ended once. */
export function createProcessStream(stream: ExtProcStream, services: ProcessServices): ExtProcPeer {
  return new ProcessStream(stream, services);
}

class ProcessStream implements ExtProcPeer, StreamControl, Guarded {
  dueMs = 0;
  readonly stream: ExtProcStream;
  readonly services: ProcessServices;
  announced: AnnouncedModes | undefined;
  routed: Routed | undefined;
  readonly #request: RequestSide;
  readonly #response: ResponseSide;
  #phase: Phase = "opening";
  #outcome: StreamOutcome = "cancelled";
  /** When the request has to be whole. */
  readonly #wholeByMs: number;
  #isRequestDone = false;
  #halfClosed = false;

  constructor(stream: ExtProcStream, services: ProcessServices) {
    this.stream = stream;
    this.services = services;
    this.#request = new RequestSide(this);
    this.#response = new ResponseSide(this);
    services.sweep.add(this, services.deadlines.requestIdleMs);
    this.#wholeByMs = services.sweep.nowMs + services.limits.maxRequestMs;
    services.memory.openStreams++;
    services.metrics.opened();
  }

  get phase(): Phase {
    return this.#phase;
  }

  get isResponding(): boolean {
    return (
      this.#phase === "responding" || this.#phase === "trailing" || (this.#phase === "waiting" && this.#isRequestDone)
    );
  }

  message(chunk: Buffer, from: number, to: number): void {
    if (this.#phase === "over") return;
    const message = decodeProcessingRequest(chunk, from, to);
    switch (message.kind) {
      case "request_headers":
        this.#requestHeaders(message);
        break;
      case "request_body":
        this.#request.body(message);
        break;
      case "request_trailers":
        this.#request.trailers(message);
        break;
      case "response_headers":
        if (this.#phase !== "opening" || this.#chooseModes(message) !== undefined) this.#response.headers(message);
        break;
      case "response_body":
        this.#response.body(message);
        break;
      case "response_trailers":
        this.#response.trailers();
        break;
      case undefined:
        this.violate("a message without a part of the request or response");
    }
  }

  broken(fault: "malformed" | "oversize" | "held", message: string): void {
    const { limits, held } = this.services;
    if (fault === "held" && this.#isComingIn()) this.refuse(tooMuchHeld(held.maxBytes));
    if (fault === "oversize" && this.#isBodyComingIn()) this.refuse(tooLarge(limits.maxBodyBytes));
    this.stream.end(fault === "malformed" ? grpcStatus.internal : grpcStatus.resourceExhausted, message);
    this.#finish("invalid", "unknown");
  }

  halfClosed(): void {
    this.#halfClosed = true;
    if (this.#phase === "deciding") return;
    this.stream.end(grpcStatus.ok, "");
    this.#lose();
  }

  closed(): void {
    const { sweep, metrics, memory } = this.services;
    this.#lose();
    sweep.remove(this);
    memory.openStreams--;
    metrics.closed(this.#outcome);
  }

  overdue(): void {
    const phase = this.#phase;
    this.dueMs = Number.POSITIVE_INFINITY;
    if (phase === "over") this.stream.abort();
    else if (phase === "opening") this.stream.end(grpcStatus.deadlineExceeded, "no message in time");
    else if (phase === "trailing" || this.#response.mayGoOnUnseen) this.leave();
    else this.#refuseAs(this.#toOverdue(phase), "overdue", phase === "flowing" ? "client_cancelled" : "upstream_error");
    this.#finish("overdue", "unknown");
    this.stream.flush();
  }

  enter(phase: Phase): void {
    this.#phase = phase;
    this.dueMs = this.#dueAt(phase);
  }

  setResponseMode(mode: ResponseMode): void {
    this.#response.mode = mode;
  }

  requestAnswered(rest: RequestMode["rest"]): void {
    this.#isRequestDone = rest === "nothing";
    if (this.#phase === "responding" || this.#phase === "trailing") return;
    if (this.#isRequestDone && this.#mayLeave()) this.leave();
    else this.enter(rest === "chunks" ? "flowing" : "waiting");
    if (this.#halfClosed) this.halfClosed();
  }

  responseBegins(): void {
    this.#request.drop("unknown");
  }

  goOnUnseen(): void {
    if (this.#isRequestDone) {
      this.leave();
    } else {
      this.settle("let_go");
      this.enter("trailing");
    }
  }

  settle(end: ExchangeEnd): void {
    const { routed } = this;
    this.routed = undefined;
    if (end === "let_go") routed?.letGo();
    else routed?.end(end);
  }

  complete(): void {
    this.#finish("complete", "ok");
    if (this.#halfClosed) this.stream.end(grpcStatus.ok, "");
  }

  leave(): void {
    this.stream.end(grpcStatus.ok, "");
    this.#finish("complete", "let_go");
  }

  refuse(refusal: Refusal): void {
    this.#refuseAs(refusal, "refused", "unknown");
  }

  violate(fault: string): void {
    if (this.#phase === "responding") this.stream.end(grpcStatus.invalidArgument, fault);
    else this.#refuseAs(refuse("Internal", `the gateway broke the ext_proc protocol: ${fault}`), "invalid", "unknown");
    this.#finish("invalid", "unknown");
  }

  #requestHeaders(message: ProcessingMessage): void {
    const { memory, limits } = this.services;
    if (this.#phase !== "opening") {
      this.violate("request_headers come twice");
    } else if (memory.openStreams > limits.maxOpenRequests) {
      this.refuse(tooManyRequests(limits.maxOpenRequests));
    } else {
      const mode = this.#chooseModes(message);
      if (mode !== undefined) this.#request.begin(message, mode);
    }
  }

  /** The first message tells how bodies are exchanged; returns the request's mode, or nothing where it was refused. */
  #chooseModes(message: ProcessingMessage): RequestMode | undefined {
    const { bodyMode, memory } = this.services;
    this.announced = message.modes;
    const hasBody = message.kind === "request_headers" && !message.endOfStream;
    const chosen = chooseModes(message.modes, hasBody, bodyMode, memory.seen);
    if (chosen.kind === "refused") {
      this.refuse(chosen);
      return undefined;
    }
    this.#response.mode = chosen.response;
    return chosen.request;
  }

  /** Whether the message that arrives is one of the request, so that its client can still be told. */
  #isComingIn(): boolean {
    return this.#phase === "opening" || this.#isBodyComingIn();
  }

  #isBodyComingIn(): boolean {
    const phase = this.#phase;
    if (phase === "waiting") return !this.#isRequestDone;
    return phase === "holding" || phase === "deciding" || phase === "flowing";
  }

  /**
   * Whether nothing that the gateway could still show is of use, and leaving loses nothing: in full duplex the gateway
   * keeps no copy of what it hands over before it learns of the end.
   */
  #mayLeave(): boolean {
    const isNothingWanted = this.routed?.observation === "none" && this.routed.rewrite === undefined;
    return isNothingWanted && (!this.#response.mode.isFree || this.stream.endsAtOnce);
  }

  #dueAt(phase: Phase): number {
    const { sweep, deadlines } = this.services;
    switch (phase) {
      case "opening":
      case "holding":
      case "flowing":
        return Math.min(sweep.nowMs + deadlines.requestIdleMs, this.#wholeByMs);
      case "deciding":
        return sweep.nowMs + deadlines.decisionMs;
      case "waiting":
        return sweep.nowMs + deadlines.responseStartMs;
      case "responding":
      case "trailing":
        return sweep.nowMs + deadlines.responseIdleMs;
      case "over":
        return sweep.nowMs + lingerMs;
    }
  }

  #toOverdue(phase: "holding" | "deciding" | "flowing" | "waiting" | "responding"): Refusal {
    if (phase !== "holding" && phase !== "flowing") return overdue(phase);
    return this.services.sweep.nowMs < this.#wholeByMs
      ? overdue("holding")
      : tooSlow(this.services.limits.maxRequestMs);
  }

  /** The gateway lets go of the stream before its end: the client left, unless the rest need not come by. */
  #lose(): void {
    if (this.#response.mayGoOnUnseen) this.#finish("complete", "let_go");
    else this.#finish("cancelled", "client_cancelled");
  }

  #refuseAs(refusal: Refusal, outcome: StreamOutcome, end: ExchangeEnd): void {
    this.services.metrics.refused(refusal.code);
    this.stream.send(encodeRefusal(refusal));
    this.stream.end(grpcStatus.ok, "");
    this.#finish(outcome, end);
  }

  /** Ends the exchange; only the first call counts. What is trailing has had its end. */
  #finish(outcome: StreamOutcome, end: ExchangeEnd): void {
    if (this.#phase === "over") return;
    this.#outcome = this.#phase === "trailing" ? "complete" : outcome;
    this.settle(end);
    this.#request.drop(end === "client_cancelled" ? end : "unknown");
    this.enter("over");
  }
}
