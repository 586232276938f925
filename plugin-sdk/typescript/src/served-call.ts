import type { InflightColumns } from "@outrider/core/contract";
import {
  type CandidateData,
  createRandom,
  type EndpointColumns,
  type EndpointDirectory,
  type PeerPick,
  type RequestFacts,
  type ScoreCall,
} from "@outrider/core/contract";
import {
  CallColumns,
  type DecodedCall,
  type DecodedData,
  fromBitmap,
  hasBit,
  type TableVersion,
  toBitmap,
} from "@outrider/transport";

const noVeto = new Uint8Array(0);

/** A call as a served instance sees it: the same values that an inline one would find. */
export class ServedCall implements ScoreCall {
  readonly callId: number;
  /** Those candidates that the table still knows: what left meanwhile is abstained without asking. */
  readonly candidates: Uint32Array;
  readonly columns: EndpointColumns;
  readonly endpoints: EndpointDirectory;
  readonly request: RequestFacts;
  readonly data: CandidateData;
  readonly profile: string;
  readonly peers: readonly PeerPick[];
  readonly nowMs: number;
  readonly seed: number;
  /** Candidates that the host asked about. */
  readonly askedCount: number;
  /** Position of each candidate among those asked about; `undefined` = all of them are here. */
  readonly #positions: Uint32Array | undefined;
  #random: (() => number) | undefined;
  #vetoed: Set<number> | undefined;

  /** @param keys key of each data number that the instance was granted. */
  constructor(call: DecodedCall, table: TableVersion, inflight: InflightColumns, keys: ReadonlyMap<number, string>) {
    const asked = call.candidates.length === 0 ? table.live : fromBitmap(call.candidates);
    const isKnown = (slot: number) => table.at(slot) !== undefined;
    this.askedCount = asked.length;
    this.candidates = asked.every(isKnown) ? asked : asked.filter(isKnown);
    if (this.candidates.length < asked.length) {
      this.#positions = Uint32Array.from(asked.keys()).filter((position) => isKnown(asked[position]!));
    }
    this.callId = call.callId;
    this.columns = new CallColumns(table, inflight, call.nowMs);
    this.endpoints = table;
    this.request = call.request;
    this.data = this.#toData(call.data, keys);
    this.profile = call.profile;
    this.peers = call.peers;
    this.nowMs = call.nowMs;
    this.seed = call.seed;
  }

  get random(): () => number {
    this.#random ??= createRandom(this.seed);
    return this.#random;
  }

  /** A getter, as `random` is, so that both may be taken out of the call. */
  get veto(): (position: number) => void {
    return (position) => {
      if (position < 0 || position >= this.candidates.length) return;
      this.#vetoed ??= new Set();
      this.#vetoed.add(position);
    };
  }

  /** What was vetoed, as a bitmap over the candidates asked about. */
  vetoBitmap(): Uint8Array {
    if (this.#vetoed === undefined) return noVeto;
    const asked = Array.from(this.#vetoed, (position) => this.#positions?.[position] ?? position);
    return toBitmap(asked.sort((a, b) => a - b));
  }

  /** Numbers per candidate as numbers per candidate asked about, `NaN` for those that are gone. */
  expand(values: Float32Array): Float32Array {
    if (this.#positions === undefined) return values;
    const expanded = new Float32Array(this.askedCount).fill(Number.NaN);
    this.#positions.forEach((position, i) => {
      expanded[position] = values[i]!;
    });
    return expanded;
  }

  #toData(data: readonly DecodedData[], keys: ReadonlyMap<number, string>): CandidateData {
    const columns = new Map<string, Float32Array>();
    for (const { column, values, unknown } of data) {
      const key = keys.get(column);
      if (key !== undefined && values.count === this.askedCount)
        columns.set(key, this.#toColumn(values.toArray(), unknown));
    }
    return { get: (key) => columns.get(key) ?? new Float32Array(this.candidates.length).fill(Number.NaN) };
  }

  #toColumn(values: Float32Array, unknown: Uint8Array): Float32Array {
    const known = values.map((value, position) => (hasBit(unknown, position) ? Number.NaN : value));
    return this.#positions === undefined ? known : Float32Array.from(this.#positions, (position) => known[position]!);
  }
}
