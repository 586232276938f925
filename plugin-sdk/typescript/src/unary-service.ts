import { create, toBinary } from "@bufbuild/protobuf";
import {
  type ColumnData,
  type ConfigureRequest,
  type ConfigureResponse,
  ConfigureResponseSchema,
  type HandshakeRequest,
  type HandshakeResponse,
  type PushFeedbackRequest,
  type PushFeedbackResponse,
  PushFeedbackResponseSchema,
  type PushStateRequest,
  type PushStateResponse,
  PushStateResponseSchema,
  ScoreBatchSchema,
  type ScoreRequest,
  type ScoreResponse,
  ScoreResponseSchema,
} from "@outrider/protos/scorer";
import {
  type Answer,
  type DecodedCall,
  decodeScoreBatch,
  fromWireEvent,
  RpcFailure,
  toBitmap,
} from "@outrider/transport";
import type { HostState } from "./host-state.ts";
import { putCall } from "./put-call.ts";

/** The calls of `ScorerService` one by one, for hosts that open no Session. `peer` is the connection of the host. */
export interface UnaryService {
  handshake(request: HandshakeRequest, peer: object): HandshakeResponse;
  /** @throws {RpcFailure} `failed_precondition` before a handshake. */
  configure(request: ConfigureRequest, peer: object): ConfigureResponse;
  pushState(request: PushStateRequest, peer: object): PushStateResponse;
  /** Whatever the call comes to is an answer, with `error` where it failed. */
  score(request: ScoreRequest, peer: object): Promise<ScoreResponse>;
  pushFeedback(request: PushFeedbackRequest, peer: object): PushFeedbackResponse;
}

/** What the service needs of the plugin. */
export interface UnaryServiceOptions {
  /** Answer to the host's hello. */
  readonly hello: HandshakeResponse;
  /** A host has said hello: finds its state. */
  readonly enter: (request: HandshakeRequest) => HostState;
  /** States of all hosts there are. */
  readonly hosts: () => Iterable<HostState>;
  /** Monotonic ms. */
  readonly clock: () => number;
  /** Says something to the operator. */
  readonly log: (message: string) => void;
}

/**
 * Messages do not say which host they are from, but their state has its epoch; until that is here, it is the host that
 * said hello last on the connection, or at all.
 */
export function createUnaryService({ hello, enter, hosts, clock, log }: UnaryServiceOptions): UnaryService {
  const entered = new WeakMap<object, HostState>();
  let last: HostState | undefined;

  const hostOf = (peer: object, epoch = 0): HostState | undefined => {
    if (epoch !== 0) for (const host of hosts()) if (host.version.epoch === epoch) return host;
    return entered.get(peer) ?? last;
  };

  return {
    handshake(request, peer) {
      last = enter(request);
      entered.set(peer, last);
      if (request.handoff.length > 0) {
        try {
          last.restore(request.handoff);
        } catch (cause) {
          log(cause instanceof Error ? cause.message : String(cause));
        }
      }
      return hello;
    },
    configure(request, peer) {
      const host = hostOf(peer);
      if (host === undefined) throw new RpcFailure("failed_precondition", "the first call is to be Handshake");
      return create(ConfigureResponseSchema, { errors: [...host.configure(request)] });
    },
    pushState(request, peer) {
      const host = hostOf(peer, request.epoch);
      if (host === undefined) return create(PushStateResponseSchema, { nack: nothingHere });
      const outcome = host.applyState(request);
      applyInflight(host, request.columns);
      if (outcome.kind !== "pending") return outcome.response;
      const { epoch, rev } = host.version;
      return create(PushStateResponseSchema, { epoch, rev });
    },
    score(request, peer) {
      const host = hostOf(peer, request.epoch);
      if (host === undefined) {
        return Promise.resolve(create(ScoreResponseSchema, { callId: request.callId, error: nothingHere }));
      }
      const call = toCall(request);
      return new Promise((resolve) => {
        const caller = { isOpen: true, reply: (answer: Answer) => resolve(toScoreResponse(answer)) };
        putCall(host, { call, cameAtMs: clock(), caller });
      });
    },
    pushFeedback({ events, epoch }, peer) {
      const host = hostOf(peer, epoch);
      for (const wire of events) {
        const event = fromWireEvent(wire);
        if (event !== undefined) host?.instances.get(wire.instance)?.feedback(event);
      }
      return create(PushFeedbackResponseSchema);
    },
  };
}

const nothingHere = { code: "failed_precondition", message: "the first call is to be Handshake" };

/** A call as the Session's batches bring it: everything behind it is the same. */
function toCall(request: ScoreRequest): DecodedCall {
  const batch = toBinary(ScoreBatchSchema, create(ScoreBatchSchema, { calls: [request] }));
  return decodeScoreBatch(Buffer.from(batch)).calls[0]!;
}

/** In-flight values come with the state where there are no batches to bring them. */
function applyInflight({ inflight, version }: HostState, columns: readonly ColumnData[]): void {
  const wanted = columns.filter(({ column }) => inflight.has(column));
  if (wanted.length === 0) return;
  const batch = toBinary(ScoreBatchSchema, create(ScoreBatchSchema, { inflight: wanted }));
  inflight.apply(decodeScoreBatch(Buffer.from(batch)).inflight, version.live);
}

function toScoreResponse({ callId, epoch, rev, pluginUs, result }: Answer): ScoreResponse {
  const common = { callId, epoch, rev, pluginUs };
  switch (result.kind) {
    case "scores": {
      const { known, unknown } = splitKnown(result.scores);
      const { veto, reason } = result;
      return create(ScoreResponseSchema, { ...common, scores: known, abstain: unknown, veto: toBytes(veto), reason });
    }
    case "values": {
      const data = result.values.map(({ column, values }) => {
        const { known, unknown } = splitKnown(values);
        return { column, values: known, unknown };
      });
      return create(ScoreResponseSchema, { ...common, data, reason: result.reason });
    }
    case "error":
      return create(ScoreResponseSchema, { ...common, error: result.error });
  }
}

/** Numbers with 0 in place of `NaN`, which JSON does not have, and a bitmap of where that was. */
function splitKnown(values: Float32Array): { readonly known: number[]; readonly unknown: Uint8Array<ArrayBuffer> } {
  const unknown = Array.from(values.keys()).filter((i) => Number.isNaN(values[i]));
  return {
    known: Array.from(values, (value) => (Number.isNaN(value) ? 0 : value)),
    unknown: toBytes(toBitmap(unknown)),
  };
}

function toBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}
