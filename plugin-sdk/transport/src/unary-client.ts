import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import type { CycleCall } from "@outrider/core/contract";
import { OutriderError, type Reason } from "@outrider/core/contract";
import { HandshakeRequestSchema, type HandshakeResponse, HandshakeResponseSchema } from "@outrider/protos/scorer";
import { type BasicAnswer, readBasicAnswer, readRefusal, takeBasicAnswer } from "./basic-answer.ts";
import { type BasicView, toBasicView, writeBasicRequest } from "./basic-request.ts";
import { codeOfStatus } from "./rpc-codes.ts";
import { fromRpcFailure } from "./rpc-failure.ts";
import type { SessionClient, SessionOptions } from "./session-types.ts";
import { openReplication } from "./unary-bridge.ts";
import type { UnaryReply } from "./unary-call.ts";
import { toAnswerFrame, toCallFrame } from "./unary-frames.ts";
import { patienceFor, UnaryPool } from "./unary-pool.ts";
import type { BasicInstance, UnaryClient, UnaryOptions, UnaryProfile, UnaryTarget } from "./unary-types.ts";

/** Connections to one plugin unless said otherwise. */
const defaultConnections = 16;

/** Host side of a plugin that serves unary calls: Connect in JSON over HTTP/1.1, always with a Content-Length. */
export function createUnaryClient(target: UnaryTarget, options: UnaryOptions): UnaryClient {
  return new PoolClient(target, options);
}

class PoolClient implements UnaryClient {
  readonly #options: UnaryOptions;
  readonly #pool: UnaryPool;
  readonly #connections: number;
  readonly #views = new WeakMap<BasicInstance, BasicView>();
  #outstanding = 0;

  constructor(target: UnaryTarget, options: UnaryOptions) {
    this.#options = options;
    this.#connections = options.connections ?? defaultConnections;
    this.#pool = new UnaryPool(target, options.token, this.#connections);
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  connect(timeoutMs: number): Promise<void> {
    return this.#pool.connect(timeoutMs);
  }

  async handshake(init: MessageInitShape<typeof HandshakeRequestSchema>, timeoutMs: number): Promise<UnaryProfile> {
    const body = toJsonString(HandshakeRequestSchema, create(HandshakeRequestSchema, init));
    const reply = await this.#pool.call("Handshake", body, { budgetMs: timeoutMs, patienceMs: timeoutMs });
    if (reply.status !== 200) {
      const failure = readRefusal(reply.status, reply.body.toString(), codeOfStatus(reply.status));
      if (failure.rpcCode === "unimplemented") return { kind: "basic" };
      throw fromRpcFailure(failure, this.#pool.subject);
    }
    const hello = this.#readHello(reply);
    // What answers everything alike has not understood the question.
    return hello.scorers.length === 0 ? { kind: "basic" } : { kind: "replicated", hello };
  }

  async score(instance: BasicInstance, call: CycleCall, scores: Float32Array): Promise<Reason> {
    if (this.#outstanding >= this.#connections) throw this.#shed(instance);
    const putAtMs = performance.now();
    const view = this.#viewOf(instance);
    const { positions, json } = writeBasicRequest(call, view);
    if (positions.length === 0) return "every candidate lacks a value that the plugin needs";
    const { tap } = this.#options;
    if (tap?.isUsed() === true) tap.show("sent", toCallFrame(json));
    const asked = this.#ask(json, call.budgetUs / 1000);
    const sentAtMs = performance.now();
    const reply = await asked;
    if (tap?.isUsed() === true) tap.show("received", toAnswerFrame(reply, call.callId >>> 0));
    try {
      const answer = readAnswer(instance, reply, call.callId >>> 0, positions.length);
      if (call.isRehearsal !== true) this.#told(instance, call, { putAtMs, sentAtMs, pluginUs: answer.pluginUs });
      takeBasicAnswer(answer, positions, scores, view.mayVeto ? call : undefined);
      return answer.reason === "" ? undefined : answer.reason;
    } catch (error) {
      this.#report(error, reply);
      throw error;
    }
  }

  replicate(hello: HandshakeResponse, options: SessionOptions): SessionClient {
    return openReplication(this.#pool, hello, this.#connections, options);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #ask(json: string, budgetMs: number): Promise<UnaryReply> {
    this.#outstanding += 1;
    try {
      return await this.#pool.call("Score", json, patienceFor(budgetMs));
    } finally {
      this.#outstanding -= 1;
    }
  }

  #told(
    instance: BasicInstance,
    { budgetUs }: CycleCall,
    { putAtMs, sentAtMs, pluginUs }: { readonly putAtMs: number; readonly sentAtMs: number; readonly pluginUs: number },
  ): void {
    const callUs = 1000 * (performance.now() - putAtMs);
    this.#options.answered(instance, { callUs, hostUs: 1000 * (sentAtMs - putAtMs), pluginUs }, callUs > budgetUs);
  }

  #report(error: unknown, { body }: UnaryReply): void {
    if (!(error instanceof OutriderError)) return;
    if (error.code === "PROTOCOL_VIOLATION" || error.code === "SCORES_INVALID") this.#options.violation(error, body);
  }

  #readHello({ body }: UnaryReply): HandshakeResponse {
    try {
      return fromJsonString(HandshakeResponseSchema, body.toString(), { ignoreUnknownFields: true });
    } catch (cause) {
      throw new OutriderError("PROTOCOL_VIOLATION", `${this.#pool.subject}: an answer to Handshake that is none`, {
        cause,
      });
    }
  }

  #viewOf(instance: BasicInstance): BasicView {
    let view = this.#views.get(instance);
    if (view === undefined) {
      view = toBasicView(instance.granted);
      this.#views.set(instance, view);
    }
    return view;
  }

  #shed({ name }: BasicInstance): OutriderError {
    return new OutriderError("SCORER_SHED", `${name}: all ${this.#connections} connections have a call in flight`);
  }
}

function readAnswer({ name }: BasicInstance, { status, body }: UnaryReply, callId: number, count: number): BasicAnswer {
  const json = body.toString();
  if (status !== 200) throw fromRpcFailure(readRefusal(status, json, codeOfStatus(status)), name);
  return readBasicAnswer(json, callId, count, name);
}
