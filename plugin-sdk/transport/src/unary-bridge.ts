import { create, type DescMessage, fromBinary, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import { OutriderError } from "@outrider/core/contract";
import {
  type ConfigureRequest,
  ConfigureRequestSchema,
  ConfigureResponseSchema,
  type HandshakeRequest,
  HandshakeRequestSchema,
  type HandshakeResponse,
  HandshakeResponseSchema,
  type PushStateRequest,
  PushStateRequestSchema,
  type PushStateResponse,
  PushStateResponseSchema,
  type ScoreRequest,
  ScoreRequestSchema,
  type SessionRequest,
  SessionRequestSchema,
} from "@outrider/protos/scorer";
import { frameHeaderBytes } from "./grpc-frames.ts";
import { fromRpcFailure } from "./rpc-failure.ts";
import { type ByteChannel, createSession, type SessionEnd } from "./session-client.ts";
import { encodeResponse, type ResponseFrame } from "./session-frames.ts";
import type { SessionClient, SessionOptions } from "./session-types.ts";
import { createUnaryFeedback, type UnaryFeedback } from "./unary-feedback.ts";
import { patienceFor, type UnaryCaller } from "./unary-pool.ts";
import { readReply, readScores, toFailedScores, toRpcFailure } from "./unary-replies.ts";

/** Deadlines of the contract, in ms. */
const setupMs = 10_000;
const stateMs = 2_000;

/** Connections that calls leave to state and feedback. */
const spareConnections = 2;

/** Calls in a row that found nobody before the plugin counts as lost. */
const lostAfterCalls = 5;

/** Between two looks whether all calls have been answered, in ms. */
const idlePollMs = 10;

/**
 * A session with a plugin of the replicated profile: its frames travel as unary calls, whose answers come back as frames.
 * @param hello what the plugin has answered to its first Handshake.
 * @param connections of the pool, at least three.
 */
export function openReplication(
  pool: UnaryCaller,
  hello: HandshakeResponse,
  connections: number,
  options: SessionOptions,
): SessionClient {
  const bridge = new UnaryBridge(pool, hello, connections - spareConnections);
  bridge.end = createSession(bridge, { ...options, isOrdered: false });
  return bridge.end.client;
}

class UnaryBridge implements ByteChannel {
  /** The host's side; set before anything is written. */
  end!: SessionEnd;
  readonly #pool: UnaryCaller;
  readonly #hello: HandshakeResponse;
  readonly #mostCalls: number;
  readonly #feedback: UnaryFeedback;
  #isGreeted = false;
  #isPushing = false;
  /** Why an earlier chunk of the step that is under way was refused. */
  #nack: PushStateResponse["nack"];
  #calls = 0;
  #missesInRow = 0;
  #isClosed = false;

  constructor(pool: UnaryCaller, hello: HandshakeResponse, mostCalls: number) {
    this.#pool = pool;
    this.#hello = hello;
    this.#mostCalls = mostCalls;
    this.#feedback = createUnaryFeedback(pool, (cause) => this.#noteFailure(cause));
  }

  write(bytes: Uint8Array): boolean {
    this.#dispatch(fromBinary(SessionRequestSchema, bytes.subarray(frameHeaderBytes)).frame);
    return !this.#isPushing;
  }

  close(): void {
    this.#isClosed = true;
    void this.#pool.close();
  }

  #dispatch(frame: SessionRequest["frame"]): void {
    switch (frame.case) {
      case "hello":
        this.#run(this.#greet(frame.value));
        return;
      case "configure":
        this.#run(this.#configure(frame.value));
        return;
      case "state":
        this.#isPushing = true;
        this.#run(this.#push(frame.value));
        return;
      case "score":
        for (const call of frame.value.calls) void this.#score(call);
        return;
      case "feedback":
        this.#feedback.push(frame.value);
        return;
      case "ping":
        this.#run(Promise.resolve({ case: "pong", value: frame.value }));
        return;
      case "drain":
        this.#run(this.#drain(frame.value.deadlineMs));
        return;
      case "cancel":
      case "inflight":
      case undefined:
    }
  }

  /** Hands the answer to the session; without one the connection is of no use. */
  #run(answer: Promise<ResponseFrame | undefined>): void {
    answer.then(
      (frame) => frame !== undefined && this.#answer(frame),
      (cause) => {
        const error = cause instanceof OutriderError ? cause : fromRpcFailure(toRpcFailure(cause), this.#pool.subject);
        if (!this.#isClosed) this.end.lost(error);
      },
    );
  }

  #answer(frame: ResponseFrame): void {
    if (!this.#isClosed) this.end.received(encodeResponse(frame));
  }

  async #greet(request: HandshakeRequest): Promise<ResponseFrame> {
    if (this.#isGreeted) {
      const value = await this.#ask("Handshake", HandshakeRequestSchema, request, HandshakeResponseSchema, setupMs);
      return { case: "hello", value };
    }
    this.#isGreeted = true;
    return Promise.resolve({ case: "hello", value: this.#hello });
  }

  async #configure(request: ConfigureRequest): Promise<ResponseFrame> {
    const value = await this.#ask("Configure", ConfigureRequestSchema, request, ConfigureResponseSchema, setupMs).catch(
      (cause) => {
        throw toRpcFailure(cause).rpcCode === "unimplemented" ? this.#without("Configure") : cause;
      },
    );
    this.#answer({ case: "credit", value: { maxOutstanding: this.#creditFor(request) } });
    return { case: "configured", value };
  }

  #creditFor({ instances }: ConfigureRequest): number {
    const types = new Set(instances.map(({ type }) => type));
    const offered = this.#hello.scorers.filter(({ type, maxConcurrency }) => types.has(type) && maxConcurrency > 0);
    return Math.min(this.#mostCalls, ...offered.map(({ maxConcurrency }) => maxConcurrency));
  }

  /** The session sends the next chunk when this one is answered; a step is acknowledged with its last. */
  async #push(chunk: PushStateRequest): Promise<ResponseFrame | undefined> {
    const response = await this.#pushChunk(chunk);
    this.#nack ??= response.nack;
    const nack = this.#nack;
    if (!chunk.more) this.#nack = undefined;
    // Between the two the session must not send: what it begins then would overtake the acknowledgement.
    if (!chunk.more) this.#answer({ case: "stateAck", value: { ...response, nack } });
    this.#isPushing = false;
    if (!this.#isClosed) this.end.drained();
    return undefined;
  }

  async #pushChunk(chunk: PushStateRequest): Promise<PushStateResponse> {
    try {
      return await this.#ask("PushState", PushStateRequestSchema, chunk, PushStateResponseSchema, stateMs);
    } catch (cause) {
      const { rpcCode: code, message } = toRpcFailure(cause);
      if (code === "unimplemented") throw this.#without("PushState");
      return create(PushStateResponseSchema, { nack: { code, message } });
    }
  }

  #without(method: "Configure" | "PushState"): OutriderError {
    const remedy = `serve ${method}, or answer Handshake with 501 to be sent the endpoints with every call`;
    const message = `${this.#pool.subject} answers Handshake and knows no ${method}: ${remedy}`;
    return new OutriderError("PLUGIN_REJECTED", message);
  }

  async #score(call: ScoreRequest): Promise<void> {
    this.#calls += 1;
    const result = await this.#scoreOnce(call);
    this.#calls -= 1;
    this.#answer({ case: "scores", value: { results: [result] } });
  }

  async #scoreOnce(call: ScoreRequest) {
    try {
      const json = toJsonString(ScoreRequestSchema, call);
      const reply = await this.#pool.call("Score", json, patienceFor(call.budgetUs / 1000));
      this.#missesInRow = 0;
      return readScores(reply, call.callId);
    } catch (cause) {
      this.#noteFailure(cause);
      return toFailedScores(cause, call.callId);
    }
  }

  async #drain(deadlineMs: number): Promise<ResponseFrame> {
    const endMs = performance.now() + deadlineMs;
    while (this.#calls > 0 && performance.now() < endMs && !this.#isClosed) {
      await new Promise<void>((resolve) => setTimeout(resolve, idlePollMs));
    }
    await this.#feedback.settled();
    return { case: "drained", value: {} };
  }

  /** @throws {RpcFailure} as the plugin refuses, {@link OutriderError} as the connection fails. */
  async #ask<I extends DescMessage, O extends DescMessage>(
    method: string,
    input: I,
    request: MessageShape<I>,
    output: O,
    deadlineMs: number,
  ): Promise<MessageShape<O>> {
    try {
      const patience = { budgetMs: deadlineMs, patienceMs: deadlineMs };
      const reply = await this.#pool.call(method, toJsonString(input, request), patience);
      this.#missesInRow = 0;
      return readReply(output, reply);
    } catch (cause) {
      this.#noteFailure(cause);
      throw cause;
    }
  }

  /** A plugin that nobody reaches any more has to be looked for anew. */
  #noteFailure(cause: unknown): void {
    if (!(cause instanceof OutriderError) || cause.code !== "SCORER_UNAVAILABLE" || this.#isClosed) return;
    this.#missesInRow += 1;
    if (this.#missesInRow === lostAfterCalls) this.end.lost(cause);
  }
}
