import { type DoneCause, scanBody } from "@outrider/core";
import { headersTooLarge } from "../doors/refusals.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { Refusal, Routed } from "../scheduling/types.ts";
import { asBuffers } from "./as-buffers.ts";
import { readSelection } from "./conformance.ts";
import { ExtProcRequest } from "./ext-proc-request.ts";
import { type Grace, startGrace } from "./grace.ts";
import { HeldBody } from "./held-body.ts";
import {
  encodeHeaders,
  encodeUnchanged,
  type HeaderPair,
  type ModeOverride,
  type RouteAnswer,
} from "./messages/answers.ts";
import { HeaderList } from "./messages/header-list.ts";
import { readSubset } from "./messages/metadata.ts";
import type { PartKind, ProcessingMessage } from "./messages/processing-request.ts";
import { partialRequest } from "./modes/buffered.ts";
import { fullDuplexRequest, fullDuplexResponse } from "./modes/full-duplex.ts";
import { overrideRequest } from "./modes/mode-override.ts";
import type { RequestMode, RequestPart } from "./modes/request-mode.ts";
import { unknownResponse, waitingRequest } from "./modes/unannounced.ts";
import { toRouteAnswer } from "./route-answer.ts";
import type { StreamControl } from "./stream-control.ts";

/** Nothing yet; coming in; being decided; on its way; or beside the point, since its stream went on without it. */
type State = "idle" | "holding" | "deciding" | "routed" | "dropped";

/** Headers that ask for another model name. */
const rewriteHeaders = ["x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite"];
const lengthHeader = "content-length";

const noHeaders = new HeaderList(Buffer.alloc(0));
const noPairs: readonly HeaderPair[] = [];
const headersUnchanged = Buffer.from(encodeUnchanged("request_headers"));
const bodyUnchanged = Buffer.from(encodeUnchanged("request_body"));
const trailersUnchanged = Buffer.from(encodeUnchanged("request_trailers"));
const withoutLength = Buffer.from(
  encodeHeaders("request_headers", { set: [], remove: [lengthHeader], override: undefined }),
);

/** The request's side of a stream: holds what has to be held, has it decided, and answers it as its mode demands. */
export class RequestSide {
  readonly #control: StreamControl;
  #mode: RequestMode = fullDuplexRequest;
  #state: State = "idle";
  #headers = noHeaders;
  #subset: readonly string[] | undefined;
  readonly #body: HeldBody;
  /** Whether the held body is only its beginning. */
  #isCut = false;
  #isWhole = false;
  #readyWith: RequestPart = "headers";
  /** What came while the request was decided on its headers, and is answered behind them. */
  #unansweredChunks = 0;
  #hasUnansweredTrailers = false;
  #grace: Grace | undefined;
  /** Whether the gateway was asked to show the body after all. */
  #hasOffered = false;
  #hasLength = false;
  /** Headers that an earlier decision on this request set. */
  #staleHeaders = noPairs;
  #lateEnd: DoneCause = "unknown";

  constructor(control: StreamControl) {
    this.#control = control;
    this.#body = new HeldBody(control.services.limits, control.services.held);
  }

  /** The request's headers arrived. */
  begin(message: ProcessingMessage, mode: RequestMode): void {
    const { maxHeaderBytes } = this.#control.services.limits;
    this.#mode = mode;
    this.#headers = message.headers ?? noHeaders;
    this.#hasLength = this.#headers.has(lengthHeader);
    this.#isWhole = message.endOfStream;
    this.#noteSubset(message);
    if (this.#headers.size > maxHeaderBytes) this.#control.refuse(headersTooLarge(maxHeaderBytes));
    else if (this.#isWhole || mode.decidesOn === "headers") this.#decide("headers");
    else this.#hold();
  }

  /** A message of the request's body arrived. */
  body(message: ProcessingMessage): void {
    if (!this.#goesOn("request_body")) return;
    this.#isWhole = message.endOfStream;
    this.#noteSubset(message);
    if (this.#state === "holding") this.#holdChunk(message.body as Buffer);
    else if (this.#state === "deciding") this.#unansweredChunks++;
    else if (this.#hasOffered) this.#decideAgain(message.body as Buffer);
    else this.#answerRest(bodyUnchanged);
  }

  /** The request's trailers arrived. */
  trailers(message: ProcessingMessage): void {
    if (!this.#goesOn("request_trailers")) return;
    this.#isWhole = true;
    this.#noteSubset(message);
    if (this.#state === "routed") {
      this.#answerRest(trailersUnchanged);
      return;
    }
    this.#hasUnansweredTrailers = this.#state === "deciding" || this.#mode.decidesOn !== "body";
    if (this.#state === "holding") {
      this.#recognizeFullDuplex();
      this.#decide("trailers");
    }
  }

  /** Lets go of what is held; what is decided later is ended as told. Only the first call counts. */
  drop(lateEnd: DoneCause): void {
    this.#letGo();
    if (this.#state === "dropped" || this.#state === "routed") return;
    this.#state = "dropped";
    this.#lateEnd = lateEnd;
  }

  /** Whether more of the request may come. What comes behind a response is dropped where nobody waits for it. */
  #goesOn(part: PartKind): boolean {
    if (this.#state === "dropped") return false;
    if (this.#state !== "idle" && !this.#isWhole) return true;
    const { phase } = this.#control;
    if (phase !== "responding" && phase !== "trailing") this.#control.violate(`${part} without a request that goes on`);
    return false;
  }

  #hold(): void {
    this.#state = "holding";
    if (this.#mode.decidesOn === "body") this.#answerHeadersAhead();
    if (this.#mode.decidesOn === "behaviour") {
      this.#grace = startGrace(this.#control.services.graceSweep, () => this.#recognizeWaiting());
    }
    this.#control.enter("holding");
  }

  /** The body's length cannot change behind this answer, unless the header that tells it is gone. */
  #answerHeadersAhead(): void {
    const mayChange = this.#hasLength && this.#mayRewrite();
    if (mayChange) this.#hasLength = false;
    this.#control.stream.send(mayChange ? withoutLength : headersUnchanged);
  }

  #mayRewrite(): boolean {
    return this.#control.services.mayRewrite() || rewriteHeaders.some((name) => this.#headers.has(name));
  }

  #holdChunk(chunk: Buffer): void {
    const refusal = this.#body.add(chunk);
    if (refusal !== undefined) {
      this.#control.refuse(refusal);
      return;
    }
    this.#recognizeFullDuplex();
    this.#heldMore();
  }

  #heldMore(): void {
    const { decidesOn, mayBeCut } = this.#mode;
    this.#isCut = mayBeCut && !this.#isWhole && scanBody(this.#body.chunks).kind !== "ok";
    if (this.#isWhole || decidesOn === "body") this.#decide("body");
    else this.#control.enter("holding");
  }

  #recognizeFullDuplex(): void {
    if (this.#mode.decidesOn !== "behaviour") return;
    this.#grace?.stop();
    this.#control.services.memory.seen = "full-duplex";
    this.#mode = fullDuplexRequest;
    this.#control.setResponseMode(fullDuplexResponse);
  }

  #recognizeWaiting(): void {
    const { memory } = this.#control.services;
    if (memory.seen === "nothing") memory.seen = "waiting";
    this.#mode = waitingRequest;
    this.#control.setResponseMode(unknownResponse);
    this.#decide("headers");
    this.#control.stream.flush();
  }

  #decide(readyWith: RequestPart): void {
    this.#grace?.stop();
    this.#readyWith = readyWith;
    this.#state = "deciding";
    this.#control.enter("deciding");
    const decision = this.#control.services.scheduler.decide(this.#toRequest());
    if (decision instanceof Promise) {
      void decision.then((made) => {
        this.#decided(made);
        this.#control.stream.flush();
      });
    } else {
      this.#decided(decision);
    }
  }

  #toRequest(): ExtProcRequest {
    const isHidden = this.#readyWith === "headers" ? !this.#isWhole : this.#isCut;
    const body = this.#readyWith === "headers" ? undefined : this.#body.chunks;
    const selection = this.#control.services.isConformance ? readSelection(this.#headers) : undefined;
    return new ExtProcRequest(this.#headers, isHidden ? "hidden" : body, selection ?? this.#subset);
  }

  #decided(decision: Routed | Refusal): void {
    if (this.#state !== "deciding") {
      if (decision.kind === "routed") decision.end(this.#lateEnd);
    } else if (decision.kind === "refused") {
      this.#control.refuse(decision);
    } else {
      this.#control.routed = decision;
      this.#route(decision);
    }
  }

  #route(routed: Routed): void {
    const replacement = this.#toReplacement(routed);
    if (this.#isMisfit(replacement)) {
      this.#control.settle("never_sent");
      this.#control.refuse(refuse("Internal", "the gateway was not told that the length of the body may change"));
      return;
    }
    const { stream } = this.#control;
    const held = { readyWith: this.#readyWith, chunks: this.#body.chunks, replacement };
    this.#mode.sendRoute(stream, this.#toAnswer(routed), held);
    for (; this.#unansweredChunks > 0; this.#unansweredChunks--) stream.send(bodyUnchanged);
    if (this.#hasUnansweredTrailers) stream.send(trailersUnchanged);
    routed.rewrite?.releaseBody();
    this.#state = "routed";
    if (this.#hasOffered) this.#body.letGo();
    else this.#letGo();
    this.#control.requestAnswered(this.#rest);
  }

  #toReplacement({ rewrite }: Routed): readonly Buffer[] | undefined {
    if (rewrite?.body === undefined || this.#readyWith === "headers" || this.#isCut) return undefined;
    return asBuffers(rewrite.body);
  }

  /** Whether a body would not fit the length that the gateway has already announced. */
  #isMisfit(replacement: readonly Buffer[] | undefined): boolean {
    if (replacement === undefined || this.#mode.decidesOn !== "body" || !this.#hasLength) return false;
    return replacement.reduce((sum, { length }) => sum + length, 0) !== this.#body.bytes;
  }

  #toAnswer(routed: Routed): RouteAnswer {
    const override = this.#offer();
    const losesLength = override !== undefined && this.#hasLength && this.#mayRewrite();
    if (losesLength) this.#hasLength = false;
    return toRouteAnswer(routed, {
      headers: this.#headers,
      staleHeaders: this.#staleHeaders,
      lengthHeader: losesLength ? lengthHeader : undefined,
      override,
      isConformance: this.#control.services.isConformance,
    });
  }

  /** Asks for the body where the headers alone had to decide. */
  #offer(): ModeOverride | undefined {
    const { announced, services } = this.#control;
    if (this.#readyWith !== "headers" || this.#isWhole) return undefined;
    const override = overrideRequest(announced, services.wantsBody());
    this.#hasOffered = override !== undefined;
    return override;
  }

  /** The gateway shows the body after all, before it sends the request on: what was decided without it is void. */
  #decideAgain(body: Buffer): void {
    const first = this.#control.routed;
    this.#hasOffered = false;
    this.#mode = partialRequest;
    if (!this.#isWhole && scanBody([body]).kind !== "ok") {
      this.#letGo();
      this.#answerRest(bodyUnchanged);
      return;
    }
    this.#staleHeaders = first?.setHeaders ?? noPairs;
    this.#control.settle("never_sent");
    this.#holdChunk(body);
  }

  #answerRest(frame: Buffer): void {
    this.#control.stream.send(frame);
    this.#control.requestAnswered(this.#rest);
  }

  get #rest(): RequestMode["rest"] {
    if (this.#isWhole) return "nothing";
    return this.#hasOffered ? "unknown" : this.#mode.rest;
  }

  #letGo(): void {
    this.#grace?.stop();
    this.#body.letGo();
    this.#headers = noHeaders;
    this.#subset = undefined;
    this.#hasOffered = false;
  }

  #noteSubset({ bytes, metadata }: ProcessingMessage): void {
    if (metadata.length > 0) this.#subset = readSubset(bytes, metadata) ?? this.#subset;
  }
}
