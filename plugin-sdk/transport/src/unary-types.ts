import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CycleCall, Need, OutriderError, Reason } from "@outrider/core/contract";
import type { HandshakeRequestSchema, HandshakeResponse } from "@outrider/protos/scorer";
import type { AnswerTimes, SessionClient, SessionOptions } from "./session-types.ts";
import type { TlsSource } from "./tls-identity.ts";

/** Where a unary plugin listens: a TCP port of loopback, a unix socket, or `http://` or `https://`. */
export type UnaryTarget =
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "url"; readonly url: string; readonly tls?: TlsSource | undefined };

/** What a Handshake found. */
export type UnaryProfile =
  | { readonly kind: "basic" }
  | { readonly kind: "replicated"; readonly hello: HandshakeResponse };

/** One configured instance of the basic profile. */
export interface BasicInstance {
  /** Key of the instance in the configuration, for messages. */
  readonly name: string;
  /** What it may see. Candidates whose column among these is unknown are left out and count as abstained. */
  readonly granted: readonly Need[];
}

/** Looks at frames. */
export interface UnaryTap {
  /** Whether anybody does just now: making them costs. */
  isUsed(): boolean;
  /** Sees an encoded `SessionRequest` or `SessionResponse`. */
  show(direction: "sent" | "received", message: Uint8Array): void;
}

/** How a unary plugin is called. */
export interface UnaryOptions {
  /** Sent as `authorization: Bearer`, asked for with each request where it is a function; empty = none. */
  readonly token: string | (() => string);
  /** Connections at most; default 16. Opened one by one. */
  readonly connections?: number;
  /** Sees calls of the basic profile, and their answers, as the frames of a Session that they would have been. */
  readonly tap?: UnaryTap;
  /** The contract was broken by this answer. */
  readonly violation: (error: OutriderError, answer: Uint8Array) => void;
  /** A call of the basic profile was answered, too late where `isLate`. Not told of rehearsals. */
  readonly answered: (instance: BasicInstance, times: AnswerTimes, isLate: boolean) => void;
}

/** Host side of a plugin that serves unary calls. All failures are `OutriderError`s. */
export interface UnaryClient {
  /** Whether somebody answers there at all: settles once a connection stands. @throws {OutriderError} `SCORER_UNAVAILABLE`. */
  connect(timeoutMs: number): Promise<void>;
  /** 404, 501 and `unimplemented` are the basic profile. @throws {OutriderError} `SCORER_UNAVAILABLE`, `SCORER_DEADLINE`. */
  handshake(request: MessageInitShape<typeof HandshakeRequestSchema>, timeoutMs: number): Promise<UnaryProfile>;
  /**
   * One call of the basic profile, endpoints inline. Writes `scores` when the answer is in, however late it is; a
   * connection is only given up after ten budgets.
   * @throws {OutriderError} as `SessionClient.score`.
   */
  score(instance: BasicInstance, call: CycleCall, scores: Float32Array): Promise<Reason>;
  /**
   * Speaks the replicated profile with a plugin whose handshake is {@link UnaryProfile.hello}: a session whose frames
   * travel as unary calls. The first hello asks nobody: this is its answer. Closing it closes the client.
   */
  replicate(hello: HandshakeResponse, options: SessionOptions): SessionClient;
  /** Calls of the basic profile put and not answered. */
  readonly outstanding: number;
  /** Ends all connections; calls in flight fail. */
  close(): Promise<void>;
}
