import type { DoneCause } from "@outrider/core";
import type { PhaseDeadlines } from "../doors/deadlines.ts";
import type { ChunkRewriter, Refusal, Routed } from "../scheduling/types.ts";
import type { ClientResponse } from "./client-response.ts";
import type { AttemptFault, GatewayMetrics } from "./metrics.ts";
import {
  headerOf,
  type PassedRequest,
  toClientHeaders,
  toClientTrailers,
  toUpstreamHeaders,
} from "./passed-headers.ts";
import type { RequestTally } from "./request-tally.ts";
import type { Upstream, UpstreamExchange, UpstreamFailure, UpstreamListener } from "./upstream/types.ts";
import { refusalFor } from "./upstream-refusals.ts";

/** What the forwardings of a gateway share. */
export interface ForwardingServices {
  readonly metrics: GatewayMetrics;
  readonly deadlines: PhaseDeadlines;
  /** Until a model server accepts a connection, in ms. */
  readonly connectTimeoutMs: number;
  readonly upstream: Upstream;
}

/** A request that was decided. */
export interface ForwardedRequest extends PassedRequest {
  readonly method: string;
  /** Path with its query. */
  readonly path: string;
  /** Chunks of its body; none = no body. */
  readonly body: readonly Uint8Array[];
}

/** The request that is forwarded: hears where it is, and ends it. */
export interface Forwarded {
  readonly response: ClientResponse;
  readonly tally: RequestTally;
  /** It waits for the response, or for more of it, for at most so long. */
  waits(phase: "waiting" | "responding", deadlineMs: number): void;
  /** The response has begun: nothing of the request is needed any more. */
  bodyDone(): void;
  /** The response is through but for these trailers. */
  answered(trailers: readonly [name: string, value: string][]): void;
  /** No model server answers, or the one that did broke off. */
  unanswered(refusal: Refusal): void;
}

/** One request on its way to its endpoints in turn, and the response of the one that answers on its way back. */
export class Forwarding implements UpstreamListener {
  readonly #routed: Routed;
  readonly #services: ForwardingServices;
  readonly #owner: Forwarded;
  #request: ForwardedRequest;
  readonly #headers: readonly string[];
  /** Position of the endpoint that is asked in the destinations. */
  #position = 0;
  #hasResent = false;
  #hasBegun = false;
  #exchange: UpstreamExchange | undefined;
  #rewriter: ChunkRewriter | undefined;

  constructor(routed: Routed, request: ForwardedRequest, services: ForwardingServices, owner: Forwarded) {
    this.#routed = routed;
    this.#services = services;
    this.#owner = owner;
    const body = routed.rewrite?.body;
    this.#request = body === undefined ? request : { ...request, body };
    this.#headers = toUpstreamHeaders(request, routed);
  }

  get decisionId(): string {
    return this.#routed.decisionId;
  }

  /** The endpoint that is asked, or was last. */
  get endpoint(): string {
    return this.#routed.destinations[this.#position] as string;
  }

  /** Sends the request to the endpoint that is next. */
  send(): void {
    const { upstream, connectTimeoutMs, deadlines } = this.#services;
    this.#owner.waits("waiting", connectTimeoutMs + deadlines.responseStartMs);
    const { method, path, body } = this.#request;
    const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
    const about = { endpoint: this.endpoint, method, path, headers: this.#headers, body, bodyBytes };
    this.#exchange = upstream.exchange(about, this);
    this.#owner.response.source = this.#exchange;
    this.#exchange.start();
  }

  /** Has the model server let go of the request; nothing more is heard of it. */
  cancel(): void {
    this.#exchange?.cancel();
  }

  /** The wait was too long. @param fault what it was for. */
  timedOut(fault: AttemptFault): void {
    this.#services.metrics.attemptFailed(fault);
  }

  /** The client was told of an error in place of a response. */
  refused(status: number): void {
    this.#routed.responseHeaders(status, noHeader, undefined);
  }

  /** Tells the scheduler how it ended. */
  end(cause: DoneCause): void {
    this.#routed.end(cause);
  }

  sent(): void {
    this.#owner.waits("waiting", this.#services.deadlines.responseStartMs);
  }

  began(status: number, headers: readonly string[]): void {
    const { rewrite } = this.#routed;
    this.#hasBegun = true;
    this.#owner.waits("responding", this.#services.deadlines.responseIdleMs);
    this.#release();
    this.#routed.responseHeaders(status, (name) => headerOf(headers, name), this.endpoint);
    if (rewrite !== undefined && headerOf(headers, "content-encoding") === undefined) {
      this.#rewriter = rewrite.respond();
    }
    const isRewritten = this.#rewriter !== undefined;
    const passed = toClientHeaders(headers, this.#request.requestId, isRewritten, this.#routed);
    try {
      this.#owner.response.begin(status, passed);
    } catch (error) {
      this.#owner.unanswered(refusalFor({ kind: "broken", error: error as Error }));
    }
  }

  chunk(bytes: Buffer): void {
    const { response } = this.#owner;
    this.#owner.waits("responding", this.#services.deadlines.responseIdleMs);
    if (this.#routed.observation === "full") this.#routed.responseChunk(bytes);
    if (this.#rewriter === undefined) response.write(bytes);
    else for (const part of this.#rewriter.push(bytes)) response.write(part);
  }

  ended(trailers: readonly string[]): void {
    for (const part of this.#rewriter?.end() ?? []) this.#owner.response.write(part);
    this.#owner.answered(toClientTrailers(trailers));
  }

  failed(failure: UpstreamFailure): void {
    this.#services.metrics.attemptFailed(failure.kind);
    if (this.#hasBegun || !this.#moveOn(failure)) {
      this.#owner.unanswered(refusalFor(failure));
      return;
    }
    this.#owner.tally.retries++;
    this.#services.metrics.retried();
    this.send();
  }

  /** @returns whether there is an endpoint that the request may be sent to now. */
  #moveOn({ kind }: UpstreamFailure): boolean {
    if (kind === "connect_failed" || kind === "connect_timeout") {
      this.#position++;
      const hasNext = this.#position < this.#routed.destinations.length;
      if (!hasNext) this.#position--;
      return hasNext;
    }
    const isFirst = kind === "connection_lost" && !this.#hasResent;
    this.#hasResent ||= isFirst;
    return isFirst;
  }

  #release(): void {
    this.#request = { ...this.#request, body: [] };
    this.#owner.bodyDone();
  }
}

function noHeader(): undefined {}
