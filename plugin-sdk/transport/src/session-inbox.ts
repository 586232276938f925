import { OutriderError } from "@outrider/core/contract";
import type { HandshakeResponse, SessionResponse } from "@outrider/protos/scorer";
import { createAnswerDecoder } from "./answer-codec.ts";
import type { CallLane } from "./call-lane.ts";
import { createFrameDecoder } from "./grpc-frames.ts";
import type { PendingCalls } from "./pending-calls.ts";
import { decodeResponse } from "./session-frames.ts";
import type { SessionReplies } from "./session-replies.ts";
import type { SessionOptions } from "./session-types.ts";
import type { StateSender } from "./state-sender.ts";

/** Who gets what a plugin sends. */
export interface InboxContext {
  readonly options: SessionOptions;
  readonly state: StateSender;
  readonly pending: PendingCalls;
  readonly lane: CallLane;
  readonly replies: SessionReplies;
  /** Whether the session is over: nothing is taken any more. */
  hasEnded(): boolean;
  /** The plugin has said what it is. */
  greeted(hello: HandshakeResponse): void;
  /** The stream cannot be read any further. */
  broken(error: OutriderError): void;
}

type KnownFrame = Exclude<SessionResponse["frame"], { case: undefined }>;

/** Takes the frames of one session apart and hands each to who it is for; what breaks the contract is reported. */
export class SessionInbox {
  readonly #context: InboxContext;
  readonly #decoder = createFrameDecoder((message) => this.#message(message));
  readonly #readAnswers: (message: Buffer, from: number, to: number) => void;
  /** Frame that is being read, and when it was. */
  #frame: Buffer = Buffer.alloc(0);
  #readAtMs = 0;
  #isGreeted = false;

  constructor(context: InboxContext) {
    this.#context = context;
    this.#readAnswers = createAnswerDecoder((answer) => {
      if (!context.hasEnded()) context.pending.settle(answer, this.#frame, this.#readAtMs);
    });
  }

  received(chunk: Buffer): void {
    if (this.#context.hasEnded()) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      this.#context.options.events.violation(error, chunk);
      this.#context.broken(error);
    }
  }

  #message(message: Buffer): void {
    const { hasEnded, options } = this.#context;
    if (hasEnded()) return;
    this.#frame = message;
    options.onFrame?.("received", message);
    try {
      this.#take(decodeResponse(message));
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      options.events.violation(error, message);
    }
  }

  #take(response: ReturnType<typeof decodeResponse>): void {
    if (response.kind === "batch") {
      this.#expectGreeting("answers");
      this.#readAtMs = performance.now();
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
    const { options, state, replies, greeted } = this.#context;
    switch (frame.case) {
      case "hello":
        greeted(frame.value);
        return replies.settle(frame);
      case "stateAck":
        return state.acknowledge(frame.value) || replies.settle(frame);
      case "table":
        options.events.table(frame.value);
        return true;
      case "credit":
        this.#credit(frame.value.maxOutstanding);
        return true;
      case "health":
        this.#health(frame.value.ready, frame.value.message);
        return true;
      case "configured":
      case "pong":
      case "drained":
      case "scores":
        return replies.settle(frame);
    }
  }

  #credit(calls: number): void {
    if (calls === 0)
      throw new OutriderError("PROTOCOL_VIOLATION", "a credit of 0: a plugin that wants no calls says so in Health");
    this.#context.lane.setCredit(calls);
  }

  #health(ready: boolean, message: string): void {
    this.#context.lane.setHealth(ready ? undefined : `is not ready: ${message}`);
    this.#context.options.events.health(ready, message);
  }

  #expectGreeting(what: string): void {
    if (this.#isGreeted) return;
    throw new OutriderError("PROTOCOL_VIOLATION", `a ${what} frame before hello`);
  }
}
