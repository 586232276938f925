import type { DoneCause, GivenFacts, TokenUsage } from "@outrider/core";

/** Way a request came in; a metric label. */
export type Door = "ext_proc" | "gateway" | "pick";

/**
 * How much of responses a scheduler wants to see: everything, the status and headers alone, or nothing. A door may show
 * more, where its gateway leaves it no choice.
 */
export type Observation = "full" | "headers" | "none";

/** One request as a door hands it in; names no message of any gateway. */
export interface IncomingRequest {
  readonly door: Door;
  /** Path with its query; empty where the gateway sent none. */
  readonly path: string;
  /** Value of a header by its lower-case name, the last one where repeated, not yet checked to be UTF-8. */
  header(name: string): string | undefined;
  /** Chunks of the whole body in order; `undefined` where the request ended with its headers, or the body is hidden. */
  readonly body: readonly Uint8Array[] | undefined;
  /** Whether there is a body that the gateway does not show before the decision: nothing is known of it. */
  readonly isBodyHidden: boolean;
  /** Endpoints the gateway allows, `ip` or `ip:port` each; `undefined` = all, empty = none. */
  readonly subset: readonly string[] | undefined;
  /** What the gateway says of the body in its place; absent where facts are read out of the body. */
  readonly given?: GivenFacts | undefined;
}

/** Code of a refusal, as the reference EPP names it. */
export type RefusalCode =
  | "BadRequest"
  | "NotFound"
  | "PreconditionFailed"
  | "RequestTimeout"
  | "PayloadTooLarge"
  | "HeadersTooLarge"
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

/** Changes a body that passes in chunks. */
export interface ChunkRewriter {
  /** @returns what goes on in place of the chunk, maybe nothing yet; valid as long as the chunk is. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** @returns what was held back. Nothing comes after it. */
  end(): readonly Uint8Array[];
}

/** The model has another name at the model server than at the client. */
export interface ModelRewrite {
  /** Its name at the model server. */
  readonly model: string;
  /** Chunks of the request's body with the model server's name in it; `undefined` where no body was shown. */
  readonly body: readonly Uint8Array[] | undefined;
  /** Begins a response's body, JSON or SSE: the client's name goes back into it; `undefined` = the client named none. */
  respond(): ChunkRewriter | undefined;
  /** Lets go of the request's body: the door has passed it on. The response's headers do so too. */
  releaseBody(): void;
}

/** A response that passed by its door: what the gateway says of it afterwards. */
export interface ReportedResponse {
  /** HTTP status the client saw; 0 = none. */
  readonly status: number;
  /** Endpoint that answered; `undefined` = not told. */
  readonly served: string | undefined;
  /** As the model server counted them; 0 = not told. */
  readonly usage: TokenUsage;
  /** Request received to first token, in ms; 0 = not told. */
  readonly ttftMs: number;
  /** Request received to end of response, in ms; 0 = not told. */
  readonly e2eMs: number;
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
  /** Headers of the request, in lower case, that must not go on. */
  readonly removeHeaders: readonly string[];
  /** Headers to set on the response; asked for behind {@link responseHeaders}, since who answers may tell. */
  readonly setResponseHeaders: readonly (readonly [name: string, value: string])[];
  /** How much of the response is worth showing. */
  readonly observation: Observation;
  /** Names to change in bodies; `undefined` = bodies pass as they are. */
  readonly rewrite: ModelRewrite | undefined;
  /** Total of each scored endpoint, for gateways that are told of them; empty = they are not. */
  readonly scores: readonly (readonly [endpoint: string, total: number])[];
  /** The response's status and headers arrived. `served`: the endpoint that answered, where the gateway tells. */
  responseHeaders(status: number, header: (name: string) => string | undefined, served: string | undefined): void;
  /** A chunk of the response's body passed; empty ones too. The bytes are only valid during the call. */
  responseChunk(chunk: Uint8Array): void;
  /** Stands in the place of the two above, before `end`, where the response did not pass through the door. */
  report(response: ReportedResponse): void;
  /**
   * What the gateway is told with the last of the response: numbers by namespace and name. Asked once, behind the last
   * chunk and before `end`; empty = nothing.
   */
  reports(): readonly { readonly namespace: string; readonly name: string; readonly value: number }[];
  /** The exchange is over. */
  end(cause: DoneCause): void;
  /** The exchange goes on where the door sees nothing more of it; stands in the place of `end`. */
  letGo(): void;
}

/** The one scheduling cycle behind all doors. Never throws and never rejects: what goes wrong inside is a refusal. */
export interface Scheduler {
  decide(request: IncomingRequest): Routed | Refusal | Promise<Routed | Refusal>;
}
