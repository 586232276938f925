import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import type { CycleCall } from "@outrider/core/contract";
import { OutriderError, type Reason } from "@outrider/core/contract";
import { HandshakeRequestSchema, type HandshakeResponse, HandshakeResponseSchema } from "@outrider/protos/scorer";
import { buildConnector, Pool } from "undici";
import { readBasicAnswer, readRefusal } from "./basic-answer.ts";
import { type BasicView, toBasicView, writeBasicRequest } from "./basic-request.ts";
import { codeOfStatus } from "./rpc-codes.ts";
import { fromConnectionError, fromRpcFailure } from "./rpc-failure.ts";
import { createSerialConnector } from "./serial-connector.ts";
import { callUnary, type UnaryReply } from "./unary-call.ts";
import type { BasicInstance, UnaryClient, UnaryOptions, UnaryProfile, UnaryTarget } from "./unary-types.ts";

const service = "/outrider.scorer.v1.ScorerService";

/** Connections to one plugin unless said otherwise. */
const defaultConnections = 16;

/** A connection is given up after so many budgets without an answer: until then a late one is let in and dropped. */
const patienceBudgets = 10;

/** Shortest patience, in ms. */
const minPatienceMs = 20;

/** Pause between two attempts to reach somebody, in ms. */
const knockMs = 20;

/** Idle connections are kept for so long, in ms. */
const keepAliveMs = 60_000;

/** Host side of a plugin that serves unary calls: Connect in JSON over HTTP/1.1, always with a Content-Length. */
export function createUnaryClient(target: UnaryTarget, options: UnaryOptions): UnaryClient {
  return new PoolClient(target, options);
}

class PoolClient implements UnaryClient {
  readonly #target: UnaryTarget;
  readonly #options: UnaryOptions;
  readonly #pool: Pool;
  readonly #base: string;
  readonly #subject: string;
  readonly #connections: number;
  readonly #views = new WeakMap<BasicInstance, BasicView>();
  #outstanding = 0;
  #isClosed = false;

  constructor(target: UnaryTarget, options: UnaryOptions) {
    const url = new URL(target.kind === "url" ? target.url : originOf(target));
    this.#target = target;
    this.#options = options;
    this.#base = url.pathname.replace(/\/$/, "");
    this.#subject = target.kind === "socket" ? target.path : url.host;
    this.#connections = options.connections ?? defaultConnections;
    const socketPath = target.kind === "socket" ? { socketPath: target.path } : {};
    this.#pool = new Pool(url.origin, {
      connections: this.#connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
      connect: createSerialConnector(buildConnector({ ...socketPath })),
    });
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  async connect(timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      try {
        await knock(this.#target, Math.max(1, endMs - performance.now()));
        return;
      } catch (cause) {
        const isOver = this.#isClosed || performance.now() + knockMs >= endMs;
        if (isOver || !isAbsence(cause)) throw fromConnectionError(cause, this.#subject);
      }
      await delay(knockMs);
    }
  }

  async handshake(init: MessageInitShape<typeof HandshakeRequestSchema>, timeoutMs: number): Promise<UnaryProfile> {
    const body = toJsonString(HandshakeRequestSchema, create(HandshakeRequestSchema, init));
    const reply = await this.#call("Handshake", body, timeoutMs, timeoutMs);
    if (reply.status !== 200) {
      const failure = readRefusal(reply.status, reply.body.toString(), codeOfStatus(reply.status));
      if (failure.rpcCode === "unimplemented") return { kind: "basic" };
      throw fromRpcFailure(failure, this.#subject);
    }
    const hello = this.#readHello(reply);
    // What answers everything alike has not understood the question.
    return hello.scorers.length === 0 ? { kind: "basic" } : { kind: "replicated", hello };
  }

  async score(instance: BasicInstance, call: CycleCall, scores: Float32Array): Promise<Reason> {
    if (this.#outstanding >= this.#connections) throw this.#shed(instance);
    const { positions, json } = writeBasicRequest(call, this.#viewOf(instance));
    if (positions.length === 0) return "every candidate lacks a value that the plugin needs";
    const budgetMs = call.budgetUs / 1000;
    const reply = await this.#call("Score", json, budgetMs, patienceBudgets * budgetMs);
    try {
      return this.#take(instance, reply, call.callId >>> 0, positions, scores);
    } catch (error) {
      this.#report(error, reply);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.destroy(new OutriderError("SCORER_UNAVAILABLE", `${this.#subject}: closed`));
  }

  async #call(method: string, body: string, budgetMs: number, patienceMs: number): Promise<UnaryReply> {
    const headers: Record<string, string> = {
      "content-type": "application/json",
      "connect-protocol-version": "1",
      "connect-timeout-ms": String(Math.max(1, Math.ceil(budgetMs))),
    };
    if (this.#options.token !== "") headers.authorization = `Bearer ${this.#options.token}`;
    const path = `${this.#base}${service}/${method}`;
    const patience = Math.max(minPatienceMs, Math.ceil(patienceMs));
    this.#outstanding += 1;
    try {
      return await callUnary(this.#pool, { path, headers, body, patienceMs: patience, subject: this.#subject });
    } finally {
      this.#outstanding -= 1;
    }
  }

  #take(
    { name }: BasicInstance,
    { status, body }: UnaryReply,
    callId: number,
    positions: readonly number[],
    scores: Float32Array,
  ): Reason {
    const json = body.toString();
    if (status !== 200) throw fromRpcFailure(readRefusal(status, json, codeOfStatus(status)), name);
    const answer = readBasicAnswer(json, callId, positions.length, name);
    positions.forEach((position, i) => {
      scores[position] = answer.scores[i]!;
    });
    this.#options.answered(callId, answer.pluginUs);
    return answer.reason === "" ? undefined : answer.reason;
  }

  #report(error: unknown, { body }: UnaryReply): void {
    if (!(error instanceof OutriderError)) return;
    if (error.code === "PROTOCOL_VIOLATION" || error.code === "SCORES_INVALID") this.#options.violation(error, body);
  }

  #readHello({ body }: UnaryReply): HandshakeResponse {
    try {
      return fromJsonString(HandshakeResponseSchema, body.toString(), { ignoreUnknownFields: true });
    } catch (cause) {
      throw new OutriderError("PROTOCOL_VIOLATION", `${this.#subject}: an answer to Handshake that is none`, { cause });
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

function originOf(target: Exclude<UnaryTarget, { readonly kind: "url" }>): string {
  return target.kind === "port" ? `http://127.0.0.1:${target.port}` : "http://localhost";
}

/** Opens a connection and closes it again. */
function knock(target: UnaryTarget, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(addressOf(target));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no connection within ${Math.ceil(timeoutMs)} ms`)));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}

function addressOf(target: UnaryTarget): net.NetConnectOpts {
  if (target.kind === "socket") return { path: target.path };
  if (target.kind === "port") return { host: "127.0.0.1", port: target.port };
  const { hostname, port, protocol } = new URL(target.url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return { host, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}

/** Whether nobody listens there yet, or is just too busy to be reached. */
function isAbsence(cause: unknown): boolean {
  const { code = "" } = cause as NodeJS.ErrnoException;
  return ["ECONNREFUSED", "ENOENT", "EAGAIN"].includes(code);
}
