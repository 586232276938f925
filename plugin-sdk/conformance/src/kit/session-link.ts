import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ConfigureResponse,
  type HandshakeResponse,
  type PushStateResponse,
  type ScoreResponse,
  SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from "@outrider/protos/scorer";
import { encodeFrame, type PluginTarget, type RequestFrame } from "@outrider/transport";
import { RuleFailure } from "../rule.ts";
import { type Frame, toFrameText } from "./frame-text.ts";
import { FrameWaits, type WaitOptions } from "./frame-waits.ts";
import { type GrpcStream, openGrpcStream, type StreamEnd } from "./grpc-stream.ts";
import type { NumberedColumn } from "./instance.ts";
import type { AskedAt, Configured, FeedbackInit, Link } from "./link.ts";
import { toConfigureRequest, toHandshakeRequest, toInflightData, toScoreRequest } from "./requests.ts";
import { type Chunk, type StateView, toDeltaStep, toFullStep } from "./state-steps.ts";
import type { TestAnswer } from "./test-answer.ts";
import type { TestCall } from "./test-call.ts";
import { slotsOf, type World } from "./world.ts";

/** What a session is opened with. */
export interface SessionLinkOptions {
  readonly target: PluginTarget;
  readonly token: string;
  readonly view: StateView;
  /** All columns of the kit. */
  readonly columns: readonly NumberedColumn[];
  /** HandshakeRequest.host_instance. */
  readonly hostInstance: string;
  /** Longest wait for one answer, in ms. */
  readonly patienceMs: number;
  /** Path of the method; default that of the Session. */
  readonly path?: string;
}

const sessionPath = "/outrider.scorer.v1.ScorerService/Session";

/** Frames kept of a connection. */
const keptFrames = 400;

/** Longest wait for a pong that only tells that all has come, in ms. */
const pongMs = 300;

/** Waits after the last sign of life for what should not come, in ms. */
const settleMs = 30;

type ResponseFrame = Exclude<SessionResponse["frame"], { readonly case: undefined }>;
type Case = ResponseFrame["case"];
type Value<C extends Case> = Extract<ResponseFrame, { readonly case: C }>["value"];

/** A frame that came. */
export interface Received<C extends Case = Case> {
  readonly case: C;
  readonly value: Value<C>;
  readonly frame: Frame;
  readonly atMs: number;
}

/** Answer of a session to one call. */
interface ReceivedAnswer {
  readonly response: ScoreResponse;
  readonly frame: Frame;
}

/** The kit's end of a Session: sends what it likes, and keeps all that comes. */
export class SessionLink implements Link {
  readonly view: StateView;
  world: World | undefined;
  /** Answer to the first hello. */
  greeting: HandshakeResponse | undefined;
  /** All that came, oldest first. */
  readonly received: Received[] = [];
  /** Answers by call id, in the order they came: more than one is a fault. */
  readonly answers = new Map<number, ReceivedAnswer[]>();
  readonly tables: Received<"table">[] = [];
  /** As announced last; `undefined` = never. */
  credit: number | undefined;
  health: Value<"health"> | undefined;
  readonly #options: SessionLinkOptions;
  readonly #stream: GrpcStream;
  readonly #waits = new FrameWaits(
    () => this.end,
    () => this.#lastText(),
  );
  readonly #taken = new Set<Received>();
  #last: Frame | undefined;
  #pings = 0;

  constructor(options: SessionLinkOptions) {
    this.#options = options;
    this.view = options.view;
    this.#stream = openGrpcStream(options.target, {
      path: options.path ?? sessionPath,
      token: options.token,
      onMessage: (message) => this.#message(message),
      onEnd: () => this.#waits.look(),
    });
  }

  get epoch(): number {
    return this.view.epoch;
  }

  /** How the plugin or the connection ended it; `undefined` = it goes on. */
  get end(): StreamEnd | undefined {
    return this.#stream.end;
  }

  send(frame: RequestFrame): void {
    this.sendMessage(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame })));
  }

  /** Sends a message as it is, behind a frame header. */
  sendMessage(message: Uint8Array): void {
    this.sendBytes(encodeFrame(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  halfClose(): void {
    this.#stream.halfClose();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    this.#stream.destroy();
  }

  async hello(handoff: Uint8Array<ArrayBuffer> = new Uint8Array(0)): Promise<HandshakeResponse> {
    const { hostInstance, columns } = this.#options;
    this.send({ case: "hello", value: { ...toHandshakeRequest(hostInstance, columns), handoff } });
    const { value } = await this.take("hello", "an answer to hello");
    this.greeting ??= value;
    return value;
  }

  async configure(instances: readonly Configured[]): Promise<ConfigureResponse> {
    this.send({ case: "configure", value: toConfigureRequest(instances, this.#options.columns) });
    return (await this.take("configured", "an answer to configure")).value;
  }

  async push(chunks: readonly Chunk[]): Promise<PushStateResponse> {
    for (const chunk of chunks) this.send({ case: "state", value: chunk });
    return (await this.take("stateAck", "an acknowledgement of the step")).value;
  }

  async full(world: World): Promise<void> {
    await this.#step(world, toFullStep(world, this.view));
  }

  async delta(world: World): Promise<void> {
    if (this.world === undefined) throw new Error("a delta needs a table to start from");
    await this.#step(world, toDeltaStep(this.world, world, this.view));
  }

  async ask(calls: readonly TestCall[], at: AskedAt = {}): Promise<readonly TestAnswer[]> {
    this.putCalls(calls, at);
    await this.answered(calls);
    return calls.map((call) => this.answerTo(call));
  }

  async feedback(events: readonly FeedbackInit[], dropped: number): Promise<void> {
    this.send({ case: "feedback", value: { epoch: this.epoch, events: [...events], dropped } });
  }

  /** Puts calls in one batch and waits for nothing. */
  putCalls(calls: readonly TestCall[], at: AskedAt = {}): void {
    const { world, epoch, view } = this;
    if (world === undefined) throw new Error("calls need a table");
    const asked = { epoch, rev: world.rev, ...at };
    this.send({
      case: "score",
      value: { calls: calls.map((call) => toScoreRequest(call, asked)), inflight: toInflightData(world, view) },
    });
  }

  /** Waits until every call has an answer; the wait begins anew with each that comes. */
  async answered(calls: readonly TestCall[]): Promise<void> {
    const missing = () => calls.filter(({ callId }) => !this.answers.has(callId));
    const isDone = () => (missing().length === 0 ? true : undefined);
    await this.until(isDone, `an answer to each of ${calls.length} calls`, {
      progress: () => missing().length,
      came: () => `none to ${missing().length} of them, such as call ${missing()[0]?.callId}`,
    });
  }

  /** @throws {RuleFailure} where it was answered twice. */
  answerTo(call: TestCall): TestAnswer {
    const [answer, second] = this.answers.get(call.callId) ?? [];
    if (second !== undefined) {
      throw new RuleFailure(`one answer to call ${call.callId}`, "a second one", toFrameText(second.frame));
    }
    const count = call.slots?.length ?? slotsOf(this.world!).length;
    return { call, count, response: answer!.response, frame: answer!.frame };
  }

  /** The first frame of this kind that was not taken yet, waiting for it where there is none. */
  take<C extends Case>(kind: C, expected: string, timeoutMs?: number): Promise<Received<C>> {
    const look = () => this.received.find((frame) => frame.case === kind && !this.#taken.has(frame));
    return this.until(look, expected, timeoutMs === undefined ? {} : { timeoutMs }).then((frame) => {
      this.#taken.add(frame);
      const { value, frame: raw, atMs } = frame;
      return { case: kind, value: value as Value<C>, frame: raw, atMs };
    });
  }

  /** Waits for all that is on its way: a pong comes behind it, where one comes at all, and then a little. */
  async settle(): Promise<void> {
    await this.ping(pongMs).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, settleMs));
  }

  /** Round trip in ms. */
  async ping(timeoutMs?: number): Promise<number> {
    this.#pings += 1;
    const seq = this.#pings;
    const sentAtMs = performance.now();
    this.send({ case: "ping", value: { seq } });
    const pong = await this.take("pong", `pong ${seq}`, timeoutMs);
    if (pong.value.seq !== seq) {
      throw new RuleFailure(`pong ${seq}`, `pong ${pong.value.seq}`, toFrameText(pong.frame));
    }
    return performance.now() - sentAtMs;
  }

  /** Waits until the plugin or the connection ends the stream. */
  ended(expected: string, timeoutMs?: number): Promise<StreamEnd> {
    return this.until(() => this.end, expected, { isEnd: true, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  }

  /**
   * Looks after each frame until there is something.
   * @throws {RuleFailure} when nothing came in time or the stream ended.
   */
  until<T>(look: () => T | undefined, expected: string, options: WaitOptions = {}): Promise<T> {
    return this.#waits.until(look, expected, { timeoutMs: this.#options.patienceMs, ...options });
  }

  async #step(world: World, chunks: readonly Chunk[]): Promise<void> {
    const { epoch, rev, nack } = await this.push(chunks);
    if (nack !== undefined || epoch !== this.epoch || rev !== world.rev) {
      const came = nack === undefined ? `${epoch}:${rev}` : `${nack.code}: ${nack.message}`;
      throw new RuleFailure(`the acknowledgement of revision ${this.epoch}:${world.rev}`, came, this.#lastText());
    }
    this.world = world;
  }

  #lastText(): string {
    return this.#last === undefined ? "" : toFrameText(this.#last);
  }

  #message(bytes: Buffer): void {
    const message = Buffer.from(bytes);
    const frame: Frame = { direction: "received", message, form: "session" };
    this.#last = frame;
    try {
      const { frame: content } = fromBinary(SessionResponseSchema, message);
      if (content.case !== undefined) this.#keep(content, frame);
    } catch {
      this.#stream.destroy();
    }
    this.#waits.look();
  }

  #keep(content: ResponseFrame, frame: Frame): void {
    const received = { ...content, frame, atMs: performance.now() } as Received;
    this.received.push(received);
    if (this.received.length > keptFrames) this.#taken.delete(this.received.shift()!);
    switch (content.case) {
      case "scores":
        for (const response of content.value.results) this.#answer(response);
        return;
      case "table":
        this.tables.push(received as Received<"table">);
        return;
      case "credit":
        this.credit = content.value.maxOutstanding;
        return;
      case "health":
        this.health = content.value;
        return;
      case "hello":
      case "configured":
      case "stateAck":
      case "drained":
      case "pong":
        return;
    }
  }

  #answer(response: ScoreResponse): void {
    const answer: ReceivedAnswer = { response, frame: { direction: "received", form: "answer", response } };
    this.answers.set(response.callId, [...(this.answers.get(response.callId) ?? []), answer]);
  }
}
