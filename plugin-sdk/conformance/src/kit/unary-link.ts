import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import {
  ConfigureRequestSchema,
  type ConfigureResponse,
  ConfigureResponseSchema,
  EndpointSchema,
  HandshakeRequestSchema,
  type HandshakeResponse,
  HandshakeResponseSchema,
  PushFeedbackRequestSchema,
  PushFeedbackResponseSchema,
  PushStateRequestSchema,
  type PushStateResponse,
  PushStateResponseSchema,
  ScoreRequestSchema,
  type ScoreResponse,
  ScoreResponseSchema,
} from "@outrider/protos/scorer";
import { hasBit, setBit, type UnaryTarget } from "@outrider/transport";
import { RuleFailure } from "../rule.ts";
import { type Frame, toFrameText } from "./frame-text.ts";
import { createHttpClient, type HttpClient, type HttpReply } from "./http-client.ts";
import { isColumnKey, type NumberedColumn } from "./instance.ts";
import type { AskedAt, Configured, FeedbackInit, Link } from "./link.ts";
import { toConfigureRequest, toHandshakeRequest, toScoreRequest } from "./requests.ts";
import { type Chunk, type StateView, toDeltaStep, toFullStep } from "./state-steps.ts";
import type { TestAnswer } from "./test-answer.ts";
import type { TestCall } from "./test-call.ts";
import { slotsOf, type World } from "./world.ts";

/** What a unary connection is opened with. */
export interface UnaryLinkOptions {
  readonly target: UnaryTarget;
  readonly token: string;
  /** Whether endpoints travel with every call. */
  readonly isBasic: boolean;
  readonly view: StateView;
  /** All columns of the kit. */
  readonly columns: readonly NumberedColumn[];
  /** HandshakeRequest.host_instance. */
  readonly hostInstance: string;
  /** Longest wait for one answer, in ms. */
  readonly patienceMs: number;
}

/** Path of the plugin's methods. */
export const servicePath = "/outrider.scorer.v1.ScorerService";

/** A unary answer with what it was read from. */
export interface UnaryAnswer {
  readonly reply: HttpReply;
  readonly frame: Frame;
}

/** The kit's end of a plugin that answers unary calls. */
export class UnaryLink implements Link {
  readonly view: StateView;
  world: World | undefined;
  readonly #options: UnaryLinkOptions;
  readonly #http: HttpClient;

  constructor(options: UnaryLinkOptions) {
    this.#options = options;
    this.view = options.view;
    this.#http = createHttpClient(options.target);
  }

  get epoch(): number {
    return this.#options.isBasic ? 0 : this.view.epoch;
  }

  close(): void {
    this.#http.close();
  }

  /** One call as it is. @throws {RuleFailure} where nobody answers. */
  async post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<UnaryAnswer> {
    const { token, patienceMs } = this.#options;
    const all = { ...(token === "" ? {} : { authorization: `Bearer ${token}` }), ...headers };
    try {
      const reply = await this.#http.post(path, body, all, patienceMs);
      return { reply, frame: { direction: "received", message: Buffer.from(reply.text), form: "text" } };
    } catch (cause) {
      const sent: Frame = { direction: "sent", message: Buffer.from(body), form: "text" };
      throw new RuleFailure(`an answer to POST ${path}`, (cause as Error).message, toFrameText(sent));
    }
  }

  hello(): Promise<HandshakeResponse> {
    const { hostInstance, columns } = this.#options;
    const request = create(HandshakeRequestSchema, toHandshakeRequest(hostInstance, columns));
    return this.#call("Handshake", toJson(HandshakeRequestSchema, request), HandshakeResponseSchema);
  }

  configure(instances: readonly Configured[]): Promise<ConfigureResponse> {
    const request = create(ConfigureRequestSchema, toConfigureRequest(instances, this.#options.columns));
    return this.#call("Configure", toJson(ConfigureRequestSchema, request), ConfigureResponseSchema);
  }

  async push(chunks: readonly Chunk[]): Promise<PushStateResponse> {
    let last = create(PushStateResponseSchema);
    for (const chunk of chunks) {
      const body = toJson(PushStateRequestSchema, create(PushStateRequestSchema, chunk));
      last = await this.#call("PushState", body, PushStateResponseSchema);
    }
    return last;
  }

  full(world: World): Promise<void> {
    return this.#step(world, () => toFullStep(world, this.view));
  }

  delta(world: World): Promise<void> {
    return this.#step(world, () => toDeltaStep(this.world!, world, this.view));
  }

  /** One call after the other. @param extra members that are added to each request. */
  async ask(calls: readonly TestCall[], at: AskedAt = {}, extra: JsonObject = {}): Promise<readonly TestAnswer[]> {
    const answers: TestAnswer[] = [];
    for (const call of calls) answers.push(await this.#ask(call, at, extra));
    return answers;
  }

  /** All calls at once, each over a connection of its own as far as there may be so many. */
  askAtOnce(calls: readonly TestCall[]): Promise<readonly TestAnswer[]> {
    return Promise.all(calls.map((call) => this.#ask(call, {}, {})));
  }

  async feedback(events: readonly FeedbackInit[], dropped: number): Promise<void> {
    const request = create(PushFeedbackRequestSchema, { epoch: this.epoch, events: [...events], dropped });
    await this.#call("PushFeedback", toJson(PushFeedbackRequestSchema, request), PushFeedbackResponseSchema);
  }

  /** A call of the level basic as JSON, with the candidates that the host would send. */
  toBasicRequest(call: TestCall): { readonly json: JsonObject; readonly positions: readonly number[] } {
    const { endpoints } = this.world!;
    const slots = call.slots ?? slotsOf(this.world!);
    const keys = call.instance.granted.map(({ key }) => key).filter(isColumnKey);
    const sent = slots.flatMap((slot, position) => {
      const endpoint = endpoints.get(slot);
      const values = keys.map((key) => [key, endpoint?.values.get(key)?.value ?? Number.NaN] as const);
      if (endpoint === undefined || values.some(([, value]) => Number.isNaN(value))) return [];
      return [{ position, endpoint, metrics: Object.fromEntries(values) }];
    });
    const request = create(ScoreRequestSchema, toScoreRequest({ ...call, slots: [] }, { epoch: 0, rev: 0 }));
    request.endpoints = sent.map(({ endpoint: { id, address, incarnation }, metrics }, slot) => {
      return create(EndpointSchema, { slot, id, address, incarnation, metrics });
    });
    return { json: toJson(ScoreRequestSchema, request) as JsonObject, positions: sent.map(({ position }) => position) };
  }

  /** A call of the level replicated as JSON. */
  toSlotRequest(call: TestCall, at: AskedAt = {}): JsonObject {
    const asked = { epoch: this.epoch, rev: this.world!.rev, ...at };
    return toJson(ScoreRequestSchema, create(ScoreRequestSchema, toScoreRequest(call, asked))) as JsonObject;
  }

  #ask(call: TestCall, at: AskedAt, extra: JsonObject): Promise<TestAnswer> {
    return this.#options.isBasic ? this.#askBasic(call, extra) : this.#askBySlot(call, at, extra);
  }

  async #askBasic(call: TestCall, extra: JsonObject): Promise<TestAnswer> {
    const { json, positions } = this.toBasicRequest(call);
    const { response, frame } = await this.#score({ ...json, ...extra }, call);
    const count = call.slots?.length ?? slotsOf(this.world!).length;
    if (response.error !== undefined || response.scores.length !== positions.length) {
      return { call, count: positions.length, response, frame };
    }
    return { call, count, response: spread(response, positions, count), frame };
  }

  async #askBySlot(call: TestCall, at: AskedAt, extra: JsonObject): Promise<TestAnswer> {
    const json = this.toSlotRequest(call, at);
    const count = call.slots?.length ?? slotsOf(this.world!).length;
    return { call, count, ...(await this.#score({ ...json, ...extra }, call)) };
  }

  async #score(json: JsonObject, call: TestCall): Promise<Pick<TestAnswer, "response" | "frame">> {
    const { reply, frame } = await this.post(`${servicePath}/Score`, JSON.stringify(json));
    if (reply.status !== 200) return { response: toRefusal(reply, call.callId), frame };
    return { response: read(ScoreResponseSchema, reply, "Score"), frame };
  }

  async #call<D extends DescMessage>(method: string, body: JsonValue, schema: D): Promise<MessageShape<D>> {
    const { reply } = await this.post(`${servicePath}/${method}`, JSON.stringify(body));
    if (reply.status === 200) return read(schema, reply, method);
    throw new RuleFailure(`an answer to ${method}`, `HTTP ${reply.status}`, reply.text.slice(0, 500));
  }

  async #step(world: World, chunks: () => readonly Chunk[]): Promise<void> {
    if (!this.#options.isBasic) {
      const { epoch, rev, nack } = await this.push(chunks());
      if (nack !== undefined || epoch !== this.epoch || rev !== world.rev) {
        const came = nack === undefined ? `${epoch}:${rev}` : `${nack.code}: ${nack.message}`;
        throw new RuleFailure(`the acknowledgement of revision ${this.epoch}:${world.rev}`, came);
      }
    }
    this.world = world;
  }
}

function read<D extends DescMessage>(schema: D, { text }: HttpReply, method: string): MessageShape<D> {
  try {
    return fromJson(schema, JSON.parse(text) as JsonValue, { ignoreUnknownFields: true });
  } catch (cause) {
    throw new RuleFailure(
      `a ${schema.name} in JSON as answer to ${method}`,
      (cause as Error).message,
      text.slice(0, 500),
    );
  }
}

/** A unary error as what the Session carries. */
function toRefusal({ status, text }: HttpReply, callId: number): ScoreResponse {
  const said = /"code"\s*:\s*"(\w+)"/.exec(text)?.[1] ?? `HTTP ${status}`;
  return create(ScoreResponseSchema, { callId, error: { code: said, message: text.slice(0, 200) } });
}

/** Numbers of the endpoints that were sent as numbers of all candidates: those left out are abstained. */
function spread(response: ScoreResponse, positions: readonly number[], count: number): ScoreResponse {
  const scores = new Float32Array(count);
  const abstain = new Uint8Array((count + 7) >> 3);
  const rated = new Map(positions.map((position, i) => [position, i]));
  for (let position = 0; position < count; position += 1) {
    const i = rated.get(position);
    if (i === undefined || hasBit(response.abstain, i)) setBit(abstain, position);
    else scores[position] = response.scores[i]!;
  }
  return create(ScoreResponseSchema, { ...response, scores: [...scores], abstain });
}
