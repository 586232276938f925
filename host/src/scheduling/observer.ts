import type { DecisionRecord, DoneCause, TokenUsage } from "@outrider/core";
import type { Latency, Prediction } from "./predictions.ts";
import type { Door, Refusal } from "./types.ts";

/** A request as observers see it. */
export interface ObservedRequest {
  readonly door: Door;
  /** Model that the client named; empty = none. */
  readonly model: string;
  /** Model that is asked for. */
  readonly targetModel: string;
  /** Rule that rewrote it; empty = none did. */
  readonly rewriteRule: string;
  /** Tenant: the client's header, else its agent's identity, else `default-flow`. */
  readonly fairnessId: string;
  readonly priority: number;
  /** Whether the body asks for a stream. */
  readonly stream: boolean;
  /** Bytes of the body; 0 where none was shown. */
  readonly bodyBytes: number;
}

/** A response as far as it was seen. */
export interface ObservedResponse {
  readonly cause: DoneCause;
  /** HTTP status; 0 = none came. */
  readonly status: number;
  /** Whether the body asked for a stream, or the response is one of server-sent events. */
  readonly isStreamed: boolean;
  readonly usage: TokenUsage;
  /** Events of a stream that brought output, as far as usage was read; 0 of a response that is no stream. */
  readonly outputEvents: number;
  /** Bytes and pieces of the body that came by. */
  readonly bodyBytes: number;
  readonly chunks: number;
  /** Request received to first piece of the body, in ms; 0 = none came by. */
  readonly ttftMs: number;
  /** Request received to end of response, in ms. */
  readonly e2eMs: number;
  /** The host's own time with its headers and its body, in ms; 0 = nothing of it came by. */
  readonly processingMs: number;
}

/**
 * Hears what becomes of requests, for metrics. Called on the way of every request, so that it has to be quick; what it
 * is given must not be kept.
 */
export interface RequestObserver {
  /** A scheduling cycle was run. */
  decided(record: DecisionRecord): void;
  /** A request was refused, so long after it was received; nothing more is heard of it. */
  refused(request: ObservedRequest, refusal: Refusal, processingMs: number): void;
  /** A request goes to its endpoint, so long after it was received; `done` follows, exactly once. */
  sent(request: ObservedRequest, processingMs: number): void;
  /** The first piece of the response's body passed. */
  firstChunk(request: ObservedRequest, ttftMs: number, isStreamed: boolean): void;
  /** A further one passed, `gapMs` behind the one before it. */
  chunk(request: ObservedRequest, gapMs: number, isStreamed: boolean): void;
  /** An answer came to its end for which something was predicted. @param targets of the request. */
  predicted(request: ObservedRequest, prediction: Prediction, took: Latency, targets: Latency): void;
  /** The exchange is over, or nothing more will be seen of it: its cause is `unknown` then. */
  done(request: ObservedRequest, response: ObservedResponse): void;
}
