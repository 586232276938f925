import {
  type CandidateData,
  createRandom,
  type EndpointColumns,
  type EndpointDirectory,
  type InflightColumns,
  type PeerPick,
  type RequestFacts,
  type ScoreCall,
} from "@outrider/core/contract";
import { CallColumns, type DecodedCall, type DecodedData, fromBitmap, hasBit } from "@outrider/transport/local";
import type { GrantedView } from "./granted-view.ts";
import type { ThreadTable } from "./thread-tables.ts";

/** A call as an instance on a thread sees it: the same values that an inline one would find. */
export class ThreadCall implements ScoreCall {
  readonly callId: number;
  readonly candidates: Uint32Array;
  readonly columns: EndpointColumns;
  readonly endpoints: EndpointDirectory;
  readonly request: RequestFacts;
  readonly data: CandidateData;
  readonly profile: string;
  readonly peers: readonly PeerPick[];
  readonly nowMs: number;
  readonly seed: number;
  #random: (() => number) | undefined;
  #vetoed: Set<number> | undefined;

  constructor(call: DecodedCall, table: ThreadTable, view: GrantedView, inflight: Float32Array | undefined) {
    this.callId = call.callId;
    this.candidates = call.candidates.length === 0 ? table.live : fromBitmap(call.candidates);
    this.columns = new CallColumns(view.columns(table), toInflight(view, inflight, table.slotCount), call.nowMs);
    this.endpoints = toDirectory(table, view);
    this.request = call.request;
    this.data = toData(call.data, view.data, this.candidates.length);
    this.profile = call.profile;
    this.peers = call.peers;
    this.nowMs = call.nowMs;
    this.seed = call.seed;
  }

  get random(): () => number {
    this.#random ??= createRandom(this.seed);
    return this.#random;
  }

  /** A getter, as {@link random} is, so that a scorer may take both out of its call. */
  get veto(): (position: number) => void {
    return (position) => {
      this.#vetoed ??= new Set();
      this.#vetoed.add(position);
    };
  }

  /** Positions that were vetoed; `undefined` = none was. */
  get vetoed(): readonly number[] | undefined {
    return this.#vetoed === undefined ? undefined : [...this.#vetoed];
  }
}

function toInflight(view: GrantedView, inflight: Float32Array | undefined, slotCount: number): InflightColumns {
  let idle: Float32Array | undefined;
  const column = (key: string, index: number) => {
    if (inflight !== undefined && view.seesInflight(key)) {
      return inflight.subarray(index * slotCount, (index + 1) * slotCount);
    }
    idle ??= new Float32Array(slotCount);
    return idle;
  };
  return {
    requests: column("inflight_requests", 0),
    promptTokens: column("inflight_prompt_tokens", 1),
    outputTokens: column("inflight_output_tokens", 2),
  };
}

function toDirectory(table: ThreadTable, view: GrantedView): EndpointDirectory {
  return {
    slotCount: table.slotCount,
    at(slot) {
      const info = table.at(slot);
      return info === undefined ? undefined : view.endpoint(info);
    },
  };
}

function toData(data: readonly DecodedData[], keys: ReadonlyMap<number, string>, count: number): CandidateData {
  const columns = new Map<string, Float32Array>();
  for (const { column, values, unknown } of data) {
    const key = keys.get(column);
    if (key === undefined || values.count !== count) continue;
    const known = values.toArray();
    columns.set(key, unknown.length === 0 ? known : known.map((value, i) => (hasBit(unknown, i) ? Number.NaN : value)));
  }
  return { get: (key) => columns.get(key) ?? new Float32Array(count).fill(Number.NaN) };
}
