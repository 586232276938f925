import { create } from "@bufbuild/protobuf";
import {
  CandidateDataSchema,
  Category,
  type ConfigError,
  ConfigErrorSchema,
  type ConfigureRequest,
  type FeedbackEvent,
  type HandshakeResponse,
  HandshakeResponseSchema,
  type PushStateRequest,
  Role,
  type ScoreRequest,
  type ScoreResponse,
  ScoreResponseSchema,
} from "@outrider/protos/scorer";
import { fromBitmap, toBitmap } from "@outrider/transport";
import { applyStep, fits, type KeptTable } from "./honest-table.ts";

/** What a connection knows; a plugin's parts read it and change what is theirs. */
export interface Conversation {
  table: KeptTable;
  /** Chunks of the step that is not complete. */
  step: PushStateRequest[];
  /** Instance ids, with the number of their data column for producers. */
  instances: Map<number, { readonly type: string; readonly dataColumn: number }>;
  waitingColumn: number;
  /** As InFlight said last, by slot. */
  readonly counts: Map<number, number>;
  hostInstance: string;
  /** Steps that were applied so far. */
  steps: number;
}

/** A plugin in parts, each of which may be replaced by one that breaks a rule. */
export interface PluginParts {
  /** What it is served as. */
  readonly served: "session" | "replicated" | "basic";
  /** Types, the last one of which decides nothing but itself. */
  readonly types: readonly ("waiting" | "pushed" | "guess")[];
  readonly bootId: () => string;
  readonly features: readonly string[];
  readonly credit: number;
  readonly checksToken: boolean;
  readonly servesPath: (path: string) => boolean;
  readonly hello: (response: HandshakeResponse, talk: Conversation) => HandshakeResponse | undefined;
  readonly faults: (request: ConfigureRequest, types: readonly string[]) => readonly ConfigError[];
  readonly health: { readonly ready: boolean; readonly message: string } | undefined;
  /** Whether a step is taken; otherwise a NACK. */
  readonly accepts: (table: KeptTable, step: readonly PushStateRequest[]) => boolean;
  readonly apply: (talk: Conversation, step: readonly PushStateRequest[]) => KeptTable;
  /** Whether chunks take effect before their step is complete. */
  readonly isHasty: boolean;
  /** Acknowledgements that a chunk gets. */
  readonly acks: (chunk: PushStateRequest) => number;
  /** Whether a call is evaluated on the state that is there. */
  readonly knows: (call: ScoreRequest, table: KeptTable) => boolean;
  /** Score of an endpoint; `NaN` = no opinion. */
  readonly rate: (waiting: number, slot: number, talk: Conversation, call: ScoreRequest) => number;
  /** What is done to an answer. */
  readonly answer: (response: ScoreResponse, call: ScoreRequest) => readonly ScoreResponse[];
  /** What is done to the answers of a batch. */
  readonly batch: (responses: readonly ScoreResponse[]) => readonly ScoreResponse[];
  /** Answers go out so much later, in ms; `undefined` = at once. */
  readonly answerAfterMs: number | undefined;
  readonly answersCancelled: boolean;
  readonly pongs: boolean;
  readonly feedback: (event: FeedbackEvent, asked: ReadonlySet<number>) => void;
  readonly inflight: (counts: Map<number, number>, slot: number, count: number) => void;
  readonly drained: () => Uint8Array<ArrayBuffer> | undefined;
  readonly table: (epoch: number) => { readonly epoch: number } | undefined;
  /** Whether answers are dropped while the host reads slowly. */
  readonly dropsWhenSlow: boolean;
  /** Whether answers of a connection that is gone are kept for the next one of its host. */
  readonly keepsAnswers: boolean;
  /** What happens when the host's side has ended, and on what cannot be read. */
  readonly onHalfClose: (end: () => void) => void;
  readonly onGarbage: (end: () => void) => void;
  /** What the process does besides serving. */
  readonly process: {
    readonly start?: () => void;
    readonly onTerminate: (exit: () => void) => void;
    readonly endsWithInput: boolean;
    /** Environment variable that is listened on. */
    readonly listens: boolean;
  };
  /** What becomes of an HTTP answer. */
  readonly http: {
    readonly statusOfOthers: number;
    readonly contentType: string;
    readonly isChunked: boolean;
    readonly keepsAlive: boolean;
    readonly isSingle: boolean;
    readonly body: (json: Record<string, unknown>) => unknown;
    readonly read: (body: Buffer) => string;
    readonly isStrict: boolean;
  };
}

const bootId = crypto.randomUUID();

/** A plugin that keeps all rules. */
export const honest: PluginParts = {
  served: "session",
  types: ["waiting"],
  bootId: () => bootId,
  features: ["cancel", "handoff"],
  credit: 64,
  checksToken: true,
  servesPath: (path) => path === "/outrider.scorer.v1.ScorerService/Session",
  hello: (response) => response,
  faults: findFaults,
  health: { ready: true, message: "" },
  accepts: fits,
  apply: (talk, step) => applyStep(talk.table, step, talk.waitingColumn),
  isHasty: false,
  acks: ({ more }) => (more ? 0 : 1),
  knows: (call, { epoch, rev }) => call.epoch === epoch && call.rev <= rev,
  rate: (waiting, slot, { counts }) => 1 - Math.min((waiting + (counts.get(slot) ?? 0)) / 64, 1),
  answer: (response) => [response],
  batch: (responses) => responses,
  answerAfterMs: undefined,
  answersCancelled: true,
  pongs: true,
  feedback: () => {},
  inflight: (counts, slot, count) => void counts.set(slot, count),
  drained: () => Uint8Array.of(1, 2, 3),
  table: (epoch) => ({ epoch }),
  dropsWhenSlow: false,
  keepsAnswers: false,
  onHalfClose: (end) => end(),
  onGarbage: (end) => end(),
  process: { onTerminate: (exit) => exit(), endsWithInput: true, listens: true },
  http: {
    statusOfOthers: 501,
    contentType: "application/json",
    isChunked: false,
    keepsAlive: true,
    isSingle: false,
    body: (json) => json,
    read: (body) => body.toString("utf8"),
    isStrict: false,
  },
};

/** What the plugin says of itself. */
export function toHello({ types, bootId: boot, features }: PluginParts): HandshakeResponse {
  return create(HandshakeResponseSchema, {
    plugin: "broken-plugin",
    pluginVersion: "1.0.0",
    bootId: boot(),
    features: [...features],
    scorers: types.map((type) => ({
      type,
      category: Category.DISTRIBUTION,
      role: type === "guess" ? Role.PRODUCER : Role.SCORER,
      needs: [{ key: "waiting_requests" }, { key: "events.done" }],
      produces: type === "guess" ? ["guess"] : [],
      requestIndependent: type === "pushed",
    })),
  });
}

function findFaults({ instances }: ConfigureRequest, types: readonly string[]): readonly ConfigError[] {
  return instances
    .filter(({ type }) => !types.includes(type))
    .map(({ id, type }) => create(ConfigErrorSchema, { instance: id, path: "", message: `no type ${type}` }));
}

/** The answer to a call. */
export function evaluate(parts: PluginParts, talk: Conversation, call: ScoreRequest): ScoreResponse {
  const { epoch, rev, endpoints } = talk.table;
  const { callId } = call;
  const instance = talk.instances.get(call.instance);
  if (!parts.knows(call, talk.table)) {
    const error = { code: "failed_precondition", message: "another state", haveEpoch: epoch, haveRev: rev };
    return create(ScoreResponseSchema, { callId, epoch, rev, error });
  }
  if (instance === undefined) {
    return create(ScoreResponseSchema, { callId, epoch, rev, error: { code: "invalid_argument", message: "who?" } });
  }
  const slots = call.candidates.length === 0 ? [...endpoints.keys()] : [...fromBitmap(call.candidates)];
  const scores = slots.map((slot) => {
    const endpoint = endpoints.get(slot);
    return endpoint === undefined ? Number.NaN : parts.rate(endpoint.waiting, slot, talk, call);
  });
  const abstain = toBitmap([...scores.keys()].filter((i) => Number.isNaN(scores[i])));
  const values = scores.map((score) => (Number.isNaN(score) ? 0 : score));
  if (instance.type !== "guess") return create(ScoreResponseSchema, { callId, epoch, rev, scores: values, abstain });
  const data = [create(CandidateDataSchema, { column: instance.dataColumn, values, unknown: abstain })];
  return create(ScoreResponseSchema, { callId, epoch, rev, data });
}
