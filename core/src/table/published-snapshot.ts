import type { EndpointInfo, EndpointSnapshot, SnapshotColumns } from "../contract/index.ts";
import type { ColumnStore } from "./column-store.ts";
import { inflightKeys } from "./inflight.ts";

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly epoch: number;
  readonly rev: number;
  readonly takenAtMs: number;
  /** Endpoints by slot, as long as the slot space; never changed afterwards. */
  readonly infos: readonly (EndpointInfo | undefined)[];
  /** Slots in use, ascending. */
  readonly live: readonly number[];
  /** 1 where the endpoint takes requests, by slot, at least as long as the slot space. */
  readonly ready: Uint8Array;
  readonly store: ColumnStore;
}

/** Copies the parts into one SharedArrayBuffer: times, values, slots in use, readiness, in this order. */
export function createSnapshot(parts: SnapshotParts): EndpointSnapshot {
  const { epoch, rev, takenAtMs, infos, store } = parts;
  const slotCount = infos.length;
  const columnCount = store.keys.length;
  const timesBytes = columnCount * slotCount * Float64Array.BYTES_PER_ELEMENT;
  const valuesBytes = columnCount * slotCount * Float32Array.BYTES_PER_ELEMENT;
  const liveBytes = parts.live.length * Uint32Array.BYTES_PER_ELEMENT;
  const buffer = new SharedArrayBuffer(timesBytes + valuesBytes + liveBytes + slotCount);
  const live = new Uint32Array(buffer, timesBytes + valuesBytes, parts.live.length);
  live.set(parts.live);
  const ready = new Uint8Array(buffer, timesBytes + valuesBytes + liveBytes, slotCount);
  ready.set(parts.ready.subarray(0, slotCount));
  const columns = new PublishedColumns(store, buffer, slotCount, takenAtMs);
  return { epoch, rev, takenAtMs, live, ready, columns, slotCount, at: (slot) => infos[slot] };
}

class PublishedColumns implements SnapshotColumns {
  readonly keys: readonly string[];
  readonly waitingRequests: Float32Array;
  readonly runningRequests: Float32Array;
  readonly kvCacheUsage: Float32Array;
  readonly kvBlockTokens: Float32Array;
  readonly kvTotalBlocks: Float32Array;
  readonly maxAdapters: Float32Array;
  readonly inflightRequests: Float32Array;
  readonly inflightPromptTokens: Float32Array;
  readonly inflightOutputTokens: Float32Array;
  readonly #takenAtMs: number;
  readonly #unknown: Float32Array;
  readonly #values = new Map<string, Float32Array>();
  readonly #times = new Map<string, Float64Array>();

  constructor(store: ColumnStore, buffer: SharedArrayBuffer, slotCount: number, takenAtMs: number) {
    this.#takenAtMs = takenAtMs;
    this.keys = [...store.keys];
    this.#copy(store, buffer, slotCount);
    this.#unknown = unknownColumn(slotCount);
    const idle = zeroColumn(slotCount);
    this.waitingRequests = this.get("waiting_requests");
    this.runningRequests = this.get("running_requests");
    this.kvCacheUsage = this.get("kv_cache_usage");
    this.kvBlockTokens = this.get("kv_block_tokens");
    this.kvTotalBlocks = this.get("kv_total_blocks");
    this.maxAdapters = this.get("max_adapters");
    this.inflightRequests = idle;
    this.inflightPromptTokens = idle;
    this.inflightOutputTokens = idle;
    for (const key of inflightKeys) this.#values.set(key, idle);
  }

  get(key: string): Float32Array {
    return this.#values.get(key) ?? this.#unknown;
  }

  ageMs(key: string, slot: number): number {
    const measuredAtMs = this.#times.get(key)?.[slot] ?? 0;
    return measuredAtMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.floor(this.#takenAtMs) - measuredAtMs);
  }

  measuredAtMs(key: string): Float64Array {
    return this.#times.get(key) ?? new Float64Array(this.#unknown.length);
  }

  #copy(store: ColumnStore, buffer: SharedArrayBuffer, slotCount: number): void {
    const timesBytes = this.keys.length * slotCount * Float64Array.BYTES_PER_ELEMENT;
    this.keys.forEach((key, column) => {
      const first = column * slotCount;
      const times = new Float64Array(buffer, first * Float64Array.BYTES_PER_ELEMENT, slotCount);
      const values = new Float32Array(buffer, timesBytes + first * Float32Array.BYTES_PER_ELEMENT, slotCount);
      store.copy(column, values, times);
      this.#values.set(key, values);
      this.#times.set(key, times);
    });
  }
}

let unknown = new Float32Array(0);
let zeros = new Float32Array(0);

/** Column of a key that nobody fills; shared by all who are as long. */
function unknownColumn(slotCount: number): Float32Array {
  if (unknown.length !== slotCount) unknown = new Float32Array(slotCount).fill(Number.NaN);
  return unknown;
}

function zeroColumn(slotCount: number): Float32Array {
  if (zeros.length !== slotCount) zeros = new Float32Array(slotCount);
  return zeros;
}
