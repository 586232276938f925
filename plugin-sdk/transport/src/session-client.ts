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
  type SessionResponse,
} from "@outrider/protos/scorer";
import { createAnswerDecoder } from "./answer-codec.ts";
import { createCallBatch } from "./call-batch.ts";
import { CallLane } from "./call-lane.ts";
import { toWireEvent } from "./feedback-codec.ts";
import { createFrameDecoder, frameHeaderBytes } from "./grpc-frames.ts";
import { createPendingCalls, type PendingCalls } from "./pending-calls.ts";
import type { PendingReplies } from "./pending-replies.ts";
import { decodeResponse, encodeRequest, type RequestFrame } from "./session-frames.ts";
import { SessionReplies } from "./session-replies.ts";
import type { InstanceEvent, SessionClient, SessionOptions, WireInstance } from "./session-types.ts";
import { toStateGrants } from "./state-grants.ts";
import { createStateSender, type StateSender } from "./state-sender.ts";

/** Longest wait for hello and configured unless said otherwise, in ms. */
const setupTimeoutMs = 10_000;

/** Events in one frame at most. */
const eventsPerFrame = 256;

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
  readonly #batch = createCallBatch();
  readonly #lane: CallLane;
  readonly #replies = new SessionReplies();
  readonly #decoder = createFrameDecoder((message) => this.#message(message));
  readonly #readAnswers: (message: Buffer, from: number, to: number) => void;
  /** Frame that is being read. */
  #frame: Buffer = Buffer.alloc(0);
  #isGreeted = false;
  #isWritable = true;
  #hasRefusedFeedback = false;
  #lastPing = 0;
  #ended: OutriderError | undefined;

  constructor(channel: ByteChannel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    const { epoch, events } = options;
    const outlet = {
      isWritable: () => this.#isWritable,
      send: (frame: Buffer) => this.#sendState(frame),
      stepped: (change: EndpointChange, isFull: boolean) => this.#stepped(change, isFull),
      refused: (error: OutriderError) => events.resynced(error),
    };
    this.#state = createStateSender(epoch, outlet);
    this.#pending = createPendingCalls(epoch, {
      violation: (error, frame) => events.violation(error, frame),
      answered: (callId, pluginUs) => events.answered(callId, pluginUs),
      lateAnswer: (callId, pluginUs) => events.lateAnswer(callId, pluginUs),
      stateRefused: (error) => this.#stateRefused(error),
    });
    this.#readAnswers = createAnswerDecoder((answer) => {
      if (this.#ended === undefined) this.#pending.settle(answer, this.#frame);
    });
    this.#lane = new CallLane({
      epoch,
      batch: this.#batch,
      pending: this.#pending,
      sentState: () => this.#state.sent,
      inStep: () => this.#state.inStep,
      send: (frame) => this.#write(frame),
    });
    this.#lane.setRefusal("is not configured yet");
  }

  get ackedRev(): number {
    return this.#state.ackedRev;
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
    const grants = toStateGrants(request);
    this.#batch.inflight.setColumns(grants.inflight);
    this.#lane.setRefusal(undefined);
    this.#state.grant(grants);
    return response;
  }

  publish(snapshot: EndpointSnapshot): void {
    this.#state.publish(snapshot);
  }

  pushState(request: MessageInitShape<typeof PushStateRequestSchema>): Promise<PushStateResponse> {
    return this.#ask({ case: "state", value: request }, this.#replies.ack, "state");
  }

  synced(): Promise<void> {
    return this.#state.synced();
  }

  score(instance: WireInstance, call: CycleCall, scores: Float32Array): Promise<Reason> {
    return this.#lane.put(instance, call, { kind: "scores", scores });
  }

  produce(instance: WireInstance, call: CycleCall, values: readonly Float32Array[]): Promise<Reason> {
    return this.#lane.put(instance, call, { kind: "values", values });
  }

  abandon(callId: number): void {
    this.#pending.abandon(callId >>> 0);
  }

  feedback(events: readonly InstanceEvent[], dropped: number): boolean {
    if (this.#ended !== undefined) return false;
    if (!this.#isWritable) {
      this.#hasRefusedFeedback = true;
      return false;
    }
    const { epoch } = this.#options;
    for (let from = 0; from === 0 || from < events.length; from += eventsPerFrame) {
      const part = events.slice(from, from + eventsPerFrame).map(toWireEvent);
      this.#send({ case: "feedback", value: { epoch, events: part, dropped: from === 0 ? dropped : 0 } });
    }
    return true;
  }

  inflight(requests: Float32Array): void {
    const slots = Array.from(requests.keys()).filter((slot) => requests[slot]! > 0);
    this.#send({ case: "inflight", value: { slots, counts: slots.map((slot) => requests[slot]!) } });
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
    if (this.#ended !== undefined) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      this.#options.events.violation(error, chunk);
      this.lost(error);
    }
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

  #message(message: Buffer): void {
    if (this.#ended !== undefined) return;
    this.#frame = message;
    this.#options.onFrame?.("received", message);
    try {
      this.#take(decodeResponse(message));
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      this.#options.events.violation(error, message);
    }
  }

  #take(response: ReturnType<typeof decodeResponse>): void {
    if (response.kind === "batch") {
      this.#expectGreeting("answers");
      this.#readAnswers(response.message, response.from, response.to);
      return;
    }
    const { frame } = response;
    if (frame.case === undefined) return;
    if (frame.case === "hello") this.#isGreeted = true;
    this.#expectGreeting(frame.case);
    if (!this.#takeFrame(frame))
      throw new OutriderError("PROTOCOL_VIOLATION", `a ${frame.case} frame nobody asked for`);
  }

  /** False for an answer that nobody waits for. */
  #takeFrame(frame: KnownFrame): boolean {
    switch (frame.case) {
      case "stateAck":
        return this.#state.acknowledge(frame.value) || this.#replies.settle(frame);
      case "table":
        this.#options.events.table(frame.value);
        return true;
      case "credit":
        this.#lane.setCredit(frame.value.maxOutstanding);
        return true;
      case "health":
        this.#health(frame.value.ready, frame.value.message);
        return true;
      case "hello":
      case "configured":
      case "pong":
      case "drained":
      case "scores":
        return this.#replies.settle(frame);
    }
  }

  #health(ready: boolean, message: string): void {
    this.#lane.setHealth(ready ? undefined : `is not ready: ${message}`);
    this.#options.events.health(ready, message);
  }

  #expectGreeting(what: string): void {
    if (this.#isGreeted) return;
    throw new OutriderError("PROTOCOL_VIOLATION", `a ${what} frame before hello`);
  }
}

type KnownFrame = Exclude<SessionResponse["frame"], { case: undefined }>;
