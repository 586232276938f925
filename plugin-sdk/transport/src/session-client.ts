import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { CycleCall, EndpointSnapshot } from "@outrider/core/contract";
import { type EndpointChange, OutriderError, type Reason } from "@outrider/core/contract";
import {
  ConfigureRequestSchema,
  type ConfigureResponse,
  type HandshakeRequestSchema,
  type HandshakeResponse,
  type PushStateRequestSchema,
  type PushStateResponse,
} from "@outrider/protos/scorer";
import { createCallBatch, toBatchLimit } from "./call-batch.ts";
import { CallLane } from "./call-lane.ts";
import { type CallSweep, createCallSweep } from "./call-sweep.ts";
import { toFeedbackFrames, toInflightFrame } from "./feedback-frames.ts";
import { frameHeaderBytes } from "./grpc-frames.ts";
import { type AnswerEvents, createPendingCalls, type PendingCalls } from "./pending-calls.ts";
import type { PendingReplies } from "./pending-replies.ts";
import { encodeRequest, type RequestFrame } from "./session-frames.ts";
import { SessionInbox } from "./session-inbox.ts";
import { SessionReplies } from "./session-replies.ts";
import type { InstanceEvent, SessionClient, SessionOptions, WireInstance } from "./session-types.ts";
import { createSlotHistory } from "./slot-history.ts";
import { toStateGrants } from "./state-grants.ts";
import { createStateSender, type StateSender } from "./state-sender.ts";

/** Longest wait for hello and configured unless said otherwise, in ms. */
const setupTimeoutMs = 10_000;

/** Carries the bytes of one stream, in order. */
export interface ByteChannel {
  /** False: the stream is full, {@link SessionEnd.drained} will be called. */
  write(bytes: Uint8Array): boolean;
  /** Ends the stream at once. */
  close(): void;
}

/** A session and what its stream tells it. */
export interface SessionEnd {
  /** What its owner uses. */
  readonly client: SessionClient;
  /** Bytes came. */
  received(chunk: Buffer): void;
  /** The stream takes more again. */
  drained(): void;
  /** The stream is gone. */
  lost(error: OutriderError): void;
}

/** A session over any channel; {@link openSession} is the one over a connection. */
export function createSession(channel: ByteChannel, options: SessionOptions): SessionEnd {
  const session = new Session(channel, options);
  return {
    client: session,
    received: (chunk) => session.received(chunk),
    drained: () => session.drained(),
    lost: (error) => session.lost(error),
  };
}

class Session implements SessionClient {
  readonly #channel: ByteChannel;
  readonly #options: SessionOptions;
  readonly #state: StateSender;
  readonly #pending: PendingCalls;
  readonly #sweep: CallSweep;
  readonly #history = createSlotHistory();
  readonly #batch = createCallBatch();
  readonly #lane: CallLane;
  readonly #replies = new SessionReplies();
  readonly #inbox: SessionInbox;
  /** What the plugin says it is; `undefined` before it has said so. */
  #hello: HandshakeResponse | undefined;
  #isWritable = true;
  #hasRefusedFeedback = false;
  #lastPing = 0;
  #ended: OutriderError | undefined;

  constructor(channel: ByteChannel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    const { epoch, events } = options;
    this.#state = createStateSender(epoch, {
      isWritable: () => this.#isWritable,
      send: (frame) => this.#sendState(frame),
      stepped: (change, isFull) => this.#stepped(change, isFull),
      refused: (error) => events.resynced(error),
    });
    const answers: AnswerEvents = {
      violation: (error, frame) => events.violation(error, frame),
      answered: (instance, callId, times) => events.answered(instance, callId, times),
      lateAnswer: (instance, callId, times) => events.lateAnswer(instance, callId, times),
      stateRefused: (error) => this.#stateRefused(error),
      exhausted: (retryAfterMs) => this.#lane.pause(retryAfterMs),
    };
    this.#pending = createPendingCalls(epoch, answers, this.#history);
    this.#sweep = createCallSweep(this.#pending, (callIds) => this.#cancel(callIds));
    this.#lane = this.#createLane();
    this.#lane.setRefusal("is not configured yet");
    this.#inbox = this.#createInbox();
  }

  get ackedRev(): number {
    return this.#state.acked?.rev ?? 0;
  }

  get callRev(): number {
    if (this.#options.isOrdered === false) return this.ackedRev;
    return this.#state.inStep ? 0 : (this.#state.sent?.rev ?? 0);
  }

  get outstanding(): number {
    return this.#pending.size;
  }

  get credit(): number {
    return this.#lane.credit;
  }

  hello(
    request: MessageInitShape<typeof HandshakeRequestSchema>,
    timeoutMs = setupTimeoutMs,
  ): Promise<HandshakeResponse> {
    return this.#ask({ case: "hello", value: request }, this.#replies.hello, "hello", timeoutMs);
  }

  async configure(
    init: MessageInitShape<typeof ConfigureRequestSchema>,
    timeoutMs = setupTimeoutMs,
  ): Promise<ConfigureResponse> {
    const request = create(ConfigureRequestSchema, init);
    const response = await this.#ask(
      { case: "configure", value: request },
      this.#replies.configured,
      "configure",
      timeoutMs,
    );
    if (response.errors.length > 0) return response;
    this.#batch.setLimit(toBatchLimit(this.#hello?.scorers ?? [], request));
    const grants = toStateGrants(request);
    this.#batch.inflight.setColumns(grants.inflight);
    this.#lane.setRefusal(undefined);
    this.#state.grant(grants);
    return response;
  }

  publish(snapshot: EndpointSnapshot): void {
    this.#history.publish(snapshot);
    this.#state.publish(snapshot);
  }

  resync(): void {
    this.#state.resync();
  }

  pushState(request: MessageInitShape<typeof PushStateRequestSchema>): Promise<PushStateResponse> {
    return this.#ask({ case: "state", value: request }, this.#replies.ack, "state");
  }

  synced(): Promise<void> {
    return this.#state.synced();
  }

  score(instance: WireInstance, call: CycleCall, scores: Float32Array): Promise<Reason> {
    return this.#lane.score(instance, call, scores);
  }

  produce(instance: WireInstance, call: CycleCall, values: readonly Float32Array[]): Promise<Reason> {
    return this.#lane.produce(instance, call, values);
  }

  feedback(events: readonly InstanceEvent[], dropped: number): boolean {
    if (this.#ended !== undefined) return false;
    if (!this.#isWritable) {
      this.#hasRefusedFeedback = true;
      return false;
    }
    for (const frame of toFeedbackFrames(events, dropped, this.#options.epoch)) this.#send(frame);
    return true;
  }

  inflight(requests: Float32Array): void {
    this.#send(toInflightFrame(requests));
  }

  async ping(timeoutMs: number): Promise<number> {
    this.#lastPing += 1;
    const seq = this.#lastPing;
    const sentAtMs = performance.now();
    const answered = await this.#ask({ case: "ping", value: { seq } }, this.#replies.pong, "ping", timeoutMs);
    if (answered === seq) return performance.now() - sentAtMs;
    throw new OutriderError("PROTOCOL_VIOLATION", `ping ${seq} was answered with pong ${answered}`);
  }

  drain(deadlineMs: number): Promise<Uint8Array> {
    this.#lane.setRefusal("is being drained");
    return this.#ask({ case: "drain", value: { deadlineMs } }, this.#replies.handoff, "drain", deadlineMs);
  }

  close(): void {
    this.lost(new OutriderError("SCORER_UNAVAILABLE", "the session was closed"));
  }

  received(chunk: Buffer): void {
    this.#inbox.received(chunk);
  }

  drained(): void {
    this.#isWritable = true;
    this.#state.resume();
    if (!this.#hasRefusedFeedback || !this.#isWritable) return;
    this.#hasRefusedFeedback = false;
    this.#options.events.writable();
  }

  lost(error: OutriderError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#lane.setRefusal(`is gone: ${error.message}`);
    this.#state.stop(error);
    this.#sweep.stop();
    this.#replies.fail(error);
    this.#pending.fail(error);
    this.#channel.close();
    queueMicrotask(() => this.#options.events.closed(error));
  }

  #ask<T>(frame: RequestFrame, replies: PendingReplies<T>, what: string, timeoutMs?: number): Promise<T> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const reply = replies.wait(what, timeoutMs);
    this.#send(frame);
    return reply;
  }

  /** Calls that were put before it go out before it: they may mean the state as it was. */
  #send(frame: RequestFrame): void {
    this.#lane.flush();
    this.#write(encodeRequest(frame));
  }

  #sendState(frame: Buffer): void {
    this.#lane.flush();
    this.#write(frame);
  }

  #write(frame: Buffer): void {
    if (this.#ended !== undefined) return;
    this.#options.onFrame?.("sent", frame.subarray(frameHeaderBytes));
    if (!this.#channel.write(frame)) this.#isWritable = false;
  }

  #stepped({ removedSlots, upserted }: EndpointChange, isFull: boolean): void {
    const { inflight } = this.#batch;
    if (isFull) inflight.forget();
    else inflight.forget([...removedSlots, ...upserted.map(({ slot }) => slot)]);
  }

  #stateRefused(error: OutriderError): void {
    this.#options.events.resynced(error);
    this.#state.resync();
  }

  /** Calls that nobody waits for any more: a plugin that can is told to stop working on them. */
  #cancel(callIds: readonly number[]): void {
    if (this.#hello?.features.includes("cancel")) this.#send({ case: "cancel", value: { callIds: [...callIds] } });
  }

  #createLane(): CallLane {
    const { isOrdered = true } = this.#options;
    return new CallLane({
      epoch: this.#options.epoch,
      batch: this.#batch,
      pending: this.#pending,
      callState: () => (isOrdered ? this.#state.sent : this.#state.acked),
      inStep: () => !isOrdered || this.#state.inStep,
      send: (frame) => this.#write(frame),
      sent: (nowMs) => this.#sweep.look(nowMs),
    });
  }

  #createInbox(): SessionInbox {
    return new SessionInbox({
      options: this.#options,
      state: this.#state,
      pending: this.#pending,
      lane: this.#lane,
      replies: this.#replies,
      hasEnded: () => this.#ended !== undefined,
      greeted: (hello) => {
        this.#hello ??= hello;
      },
      broken: (error) => this.lost(error),
    });
  }
}
