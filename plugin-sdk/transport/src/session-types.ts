import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CycleCall, EndpointSnapshot, FeedbackEvent, Need, OutriderError, Reason } from "@outrider/core/contract";
import type {
  ConfigureRequestSchema,
  ConfigureResponse,
  HandshakeRequestSchema,
  HandshakeResponse,
  PushStateRequestSchema,
  PushStateResponse,
  ScoreTable,
} from "@outrider/protos/scorer";
import type { TlsSource } from "./tls-identity.ts";

/** Where a plugin listens: a unix socket, or `h2c://`, `http://`, `https://` with host and port. */
export type PluginTarget =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "url"; readonly url: string; readonly tls?: TlsSource | undefined };

/** A key by its number on one connection. */
export interface NumberedKey {
  /** Column.id. */
  readonly id: number;
  /** Canonical key. */
  readonly key: string;
}

/** One configured instance as its calls need it. */
export interface WireInstance {
  /** Instance.id. */
  readonly id: number;
  /** Key of the instance in the configuration, for messages. */
  readonly name: string;
  /** What of a request it may see: facts that are not here are not sent. */
  readonly granted: readonly Need[];
  /** `data.*` it may read; for a producer also those that it writes. */
  readonly data: readonly NumberedKey[];
  /** Producer: its keys in the order of the arrays given to `produce`; otherwise empty. */
  readonly produces: readonly string[];
}

/** An event on its way to one instance. */
export interface InstanceEvent {
  /** Instance.id. */
  readonly instance: number;
  /** What happened. */
  readonly event: FeedbackEvent;
}

/** Where the time of one call went; one object serves all, only valid during the event that brings it. */
export interface AnswerTimes {
  /** Call put to answer read, in µs. */
  readonly callUs: number;
  /**
   * Of that, call put to frame handed to the stream, in µs: encoding, and the rest of its turn of the event loop. The
   * same for all calls of a frame, which are taken to be put when its first was.
   */
  readonly hostUs: number;
  /** Of that, what the plugin says it spent, in µs; 0 = not told. */
  readonly pluginUs: number;
}

/** What a session tells its owner besides answers. All are called between frames, never from inside a call to it. */
export interface SessionEvents {
  /** The contract was broken by `frame`; the session goes on, unless `closed` follows. */
  violation(error: OutriderError, frame: Uint8Array): void;
  /** A call was answered before its time ran out, if only with an error. Not told of rehearsals. */
  answered(instance: WireInstance, callId: number, times: AnswerTimes): void;
  /** A call was answered when its time had run out. Not told of rehearsals. */
  lateAnswer(instance: WireInstance, callId: number, times: AnswerTimes): void;
  /** The plugin's state did not fit; a full snapshot is under way. */
  resynced(error: OutriderError): void;
  /** The plugin says whether calls should be sent. */
  health(ready: boolean, message: string): void;
  /** Scores that were not asked for. What it throws is reported as a violation. */
  table(table: ScoreTable): void;
  /** The stream takes feedback again, after {@link SessionClient.feedback} had refused it. */
  writable(): void;
  /** The session is over, all its calls have failed with this error. Exactly once, also after `close`. */
  closed(error: OutriderError): void;
}

/** How a session is opened. */
export interface SessionOptions {
  /** Sent as `authorization: Bearer`; empty = none. */
  readonly token: string;
  /** Epoch of the state on this session: random per connection and start of the host, never 0. */
  readonly epoch: number;
  /** Told what happens besides answers. */
  readonly events: SessionEvents;
  /** Longest wait for the connection, in ms; default 2,000. */
  readonly connectTimeoutMs?: number;
  /**
   * Whether the plugin takes what is sent in the order it was sent; default true. Where it does not, calls are put on
   * acknowledged state.
   */
  readonly isOrdered?: boolean;
  /** Sees every message, without its frame header, for recordings. */
  readonly onFrame?: (direction: "sent" | "received", message: Uint8Array) => void;
}

/**
 * Host side of one Session stream. All failures are `OutriderError`s; those that come of a Connect code have an
 * `RpcFailure` as `cause`.
 */
export interface SessionClient {
  /**
   * First of all, and once more to hand on the state of the plugin's predecessor.
   * @throws {OutriderError} `SCORER_UNAVAILABLE`, `SCORER_DEADLINE`, `PROTOCOL_VIOLATION`.
   */
  hello(request: MessageInitShape<typeof HandshakeRequestSchema>, timeoutMs?: number): Promise<HandshakeResponse>;
  /** Behind hello, and again with a new configuration. The session keeps the columns and sends their values. */
  configure(request: MessageInitShape<typeof ConfigureRequestSchema>, timeoutMs?: number): Promise<ConfigureResponse>;
  /**
   * Brings the plugin to a snapshot: the first in full, later ones by what has changed. Coalesces to the newest while
   * the stream is full, and starts over in full when the plugin refuses. Ignored before `configure`.
   */
  publish(snapshot: EndpointSnapshot): void;
  /** Sends the whole table again, which is legal at any time. Ignored before `configure` and `publish`. */
  resync(): void;
  /** Sends one chunk of state as it is, for the conformance kit; the answer is that to the step's last chunk. */
  pushState(request: MessageInitShape<typeof PushStateRequestSchema>): Promise<PushStateResponse>;
  /** Revision that the plugin has acknowledged; 0 = none yet. */
  readonly ackedRev: number;
  /** Revision whose state the next call is put on: the last that was sent whole; 0 = none yet, or one is being sent. */
  readonly callRev: number;
  /** Settles with the first acknowledged snapshot. */
  synced(): Promise<void>;
  /**
   * Puts a call; all calls of one turn of the event loop travel in one frame. `scores` is written when the answer is in.
   * Settles with the plugin's reason, however late it is; behind the call's budget a plugin with the feature `cancel`
   * is told that nobody waits.
   * @throws {OutriderError} `SCORER_SHED` over the plugin's credit or while it is not ready; `SCORER_UNAVAILABLE`, `SCORER_FAILED`,
   *   `SCORER_DEADLINE`, `SCORES_INVALID`, `PROTOCOL_VIOLATION`.
   */
  score(instance: WireInstance, call: CycleCall, scores: Float32Array): Promise<Reason>;
  /** As `score`, for producers: one array per key of `produces`. */
  produce(instance: WireInstance, call: CycleCall, values: readonly Float32Array[]): Promise<Reason>;
  /** Sends feedback; false = the stream is full, nothing was sent, `writable` will be called. */
  feedback(events: readonly InstanceEvent[], dropped: number): boolean;
  /** Sends true counts of requests in flight, indexed by slot. */
  inflight(requests: Float32Array): void;
  /** Round trip in ms. @throws {OutriderError} `SCORER_DEADLINE`. */
  ping(timeoutMs: number): Promise<number>;
  /** No further calls; resolves with the plugin's state for its successor, empty = none. Close it afterwards. */
  drain(deadlineMs: number): Promise<Uint8Array>;
  /** Ends the session at once. */
  close(): void;
  /** Calls put and not answered, those whose time has run out included: they hold their credit. */
  readonly outstanding: number;
  /** Calls the plugin takes before it has answered one. */
  readonly credit: number;
}
