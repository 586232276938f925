import type { DecisionRecord, DoneCause } from "@outrider/core";

/** Way a request came in; a metric label. */
export type Door = "ext_proc" | "gateway";

/** One request as a door hands it in; names no message of any gateway. */
export interface IncomingRequest {
  readonly door: Door;
  /** HTTP method. */
  readonly method: string;
  /** Path with its query; empty where the gateway sent none. */
  readonly path: string;
  /** Value of a header by its lower-case name, the last one where repeated, not yet checked to be UTF-8. */
  header(name: string): string | undefined;
  /** All headers in order, names in lower case. */
  headers(): Iterable<readonly [name: string, value: string]>;
  /** Chunks of the whole body in order; `undefined` where the request ended with its headers. */
  readonly body: readonly Uint8Array[] | undefined;
  /** Endpoints the gateway allows, `ip` or `ip:port` each; `undefined` = all, empty = none. */
  readonly subset: readonly string[] | undefined;
}

/** Code of a refusal, as the reference EPP names it. */
export type RefusalCode =
  | "BadRequest"
  | "NotFound"
  | "PreconditionFailed"
  | "PayloadTooLarge"
  | "ResourceExhausted"
  | "ServiceUnavailable"
  | "Internal";

/** The request is not to be sent anywhere. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: RefusalCode;
  /** HTTP status that goes with the code. */
  readonly status: number;
  /** What the client reads behind `inference error: CODE - `. */
  readonly message: string;
  /** Value of `x-llm-d-request-dropped-reason`; empty = none. */
  readonly droppedReason: string;
  /** Seconds after which asking again makes sense; absent where nobody knows. */
  readonly retryAfterS?: number;
}

/**
 * The request goes to an endpoint. The door tells it what it sees of the response, in order, and ends it exactly once
 * with `end`; calls behind that are ignored.
 */
export interface Routed {
  readonly kind: "routed";
  readonly decisionId: string;
  /** `ip:port` of the pick, then of fallbacks in order. */
  readonly destinations: readonly string[];
  /** Headers to set on the request besides the destination. */
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
  /** The decision, for explain; ids of endpoints in its snapshot. */
  readonly record: DecisionRecord | undefined;
  /** The response's status and headers arrived. `served`: the endpoint that answered, where the gateway tells. */
  responseHeaders(status: number, header: (name: string) => string | undefined, served: string | undefined): void;
  /** A chunk of the response's body passed; empty ones too. The bytes are only valid during the call. */
  responseChunk(chunk: Uint8Array): void;
  /** The exchange is over. */
  end(cause: DoneCause): void;
}

/** The one scheduling cycle behind all doors. Never throws and never rejects: what goes wrong inside is a refusal. */
export interface Scheduler {
  decide(request: IncomingRequest): Routed | Refusal | Promise<Routed | Refusal>;
}
