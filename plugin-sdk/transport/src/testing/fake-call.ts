import type { CycleCall, EndpointSnapshot, InflightColumns } from "@outrider/core/contract";
import { createRandom, type PeerPick, type RequestFacts } from "@outrider/core/contract";
import { toBitmap } from "../bitmap.ts";
import { CallColumns } from "../call-columns.ts";
import { noFacts } from "../call-decoder.ts";
import { type FakeEndpoint, fakeSnapshot } from "./fake-snapshot.ts";

/** What a call is made of; everything but the pool has a default. */
export interface FakeCallOptions {
  /** Endpoints, or a snapshot that several calls share. */
  readonly pool: readonly FakeEndpoint[] | EndpointSnapshot;
  /** Slots, ascending; default all that live. */
  readonly candidates?: readonly number[];
  /** Facts; the others are at their defaults. */
  readonly request?: Partial<RequestFacts>;
  /** Values per candidate by `data.*` key. */
  readonly data?: Readonly<Record<string, readonly number[]>>;
  /** In-flight columns by slot; default those of the pool, else idle. */
  readonly inflight?: InflightColumns;
  /** Default a number that no other call of the process has. */
  readonly callId?: number;
  /** Default when the snapshot was taken. */
  readonly nowMs?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Default `default`. */
  readonly profile?: string;
  /** Picks of earlier profiles; default none. */
  readonly peers?: readonly PeerPick[];
  /** Default a second. */
  readonly budgetUs?: number;
}

let lastCallId = 0;

/** A call over a literal pool, as the host would make it. */
export function fakeCall(options: FakeCallOptions): CycleCall {
  const { pool, request, data = {}, seed = 1, profile = "default", peers = [], budgetUs = 1_000_000 } = options;
  const snapshot = isSnapshot(pool) ? pool : fakeSnapshot(pool);
  const nowMs = options.nowMs ?? snapshot.takenAtMs;
  const inflight =
    options.inflight ?? (isSnapshot(pool) ? idle(snapshot.slotCount) : inflightOf(pool, snapshot.slotCount));
  const candidates = Uint32Array.from(options.candidates ?? snapshot.live);
  const unknown = new Float32Array(candidates.length).fill(Number.NaN);
  const values = new Map(Object.entries(data).map(([key, column]) => [key, Float32Array.from(column)]));
  lastCallId += 1;
  let vetoed: Uint8Array | undefined;
  return {
    callId: options.callId ?? lastCallId,
    candidates,
    columns: new CallColumns(snapshot.columns, inflight, nowMs),
    endpoints: snapshot,
    request: { ...noFacts, model: "llama-3-8b", ...request },
    data: { get: (key) => values.get(key) ?? unknown },
    profile,
    peers,
    nowMs,
    seed,
    random: createRandom(seed),
    snapshot,
    candidateBitmap: () => toBitmap(candidates),
    budgetUs,
    get vetoed() {
      return vetoed;
    },
    veto(position) {
      vetoed ??= new Uint8Array(candidates.length);
      vetoed[position] = 1;
    },
  };
}

function isSnapshot(pool: FakeCallOptions["pool"]): pool is EndpointSnapshot {
  return !Array.isArray(pool);
}

function idle(slotCount: number): InflightColumns {
  return {
    requests: new Float32Array(slotCount),
    promptTokens: new Float32Array(slotCount),
    outputTokens: new Float32Array(slotCount),
  };
}

function inflightOf(pool: readonly FakeEndpoint[], slotCount: number): InflightColumns {
  const inflight = idle(slotCount);
  pool.forEach((endpoint, i) => {
    const slot = endpoint.slot ?? i;
    inflight.requests[slot] = endpoint.inflight_requests ?? 0;
    inflight.promptTokens[slot] = endpoint.inflight_prompt_tokens ?? 0;
    inflight.outputTokens[slot] = endpoint.inflight_output_tokens ?? 0;
  });
  return inflight;
}
