import type { EndpointSnapshot, SnapshotColumns } from "@outrider/core";
import { hasBit, inflightKeys, type TableVersion } from "@outrider/transport";

/** What of a snapshot a plugin's copy of the endpoint table does not tell. */
export interface SnapshotHead {
  /** Grows with each snapshot, across connections too. */
  readonly rev: number;
  /** The recorded host's clock at the step, Unix ms. */
  readonly takenAtMs: number;
  /** Columns that were recorded. */
  readonly keys: readonly string[];
  /** Endpoints that took requests, as a bitmap over slots; default all. */
  readonly ready?: Uint8Array | undefined;
}

/** A plugin's copy of the endpoint table as a host has it, in memory that threads share. */
export function toSnapshot(
  version: TableVersion,
  { rev, takenAtMs, keys, ready: taking }: SnapshotHead,
): EndpointSnapshot {
  const { slotCount, live } = version;
  const { BYTES_PER_ELEMENT: timeBytes } = Float64Array;
  const { BYTES_PER_ELEMENT: valueBytes } = Float32Array;
  const valuesAt = keys.length * slotCount * timeBytes;
  const liveAt = valuesAt + keys.length * slotCount * valueBytes;
  const readyAt = liveAt + live.byteLength;
  const buffer = new SharedArrayBuffer(readyAt + slotCount);
  const times = new Map<string, Float64Array>();
  const values = new Map<string, Float32Array>();
  keys.forEach((key, i) => {
    times.set(key, copy(new Float64Array(buffer, i * slotCount * timeBytes, slotCount), version.measuredAtMs(key)));
    const at = valuesAt + i * slotCount * valueBytes;
    values.set(key, copy(new Float32Array(buffer, at, slotCount), version.get(key)));
  });
  const sharedLive = copy(new Uint32Array(buffer, liveAt, live.length), live);
  const ready = new Uint8Array(buffer, readyAt, slotCount);
  for (const slot of live) ready[slot] = taking === undefined || hasBit(taking, slot) ? 1 : 0;
  const columns = new RecordedColumns(keys, values, times, { slotCount, takenAtMs });
  return { epoch: 1, rev, takenAtMs, live: sharedLive, ready, columns, slotCount, at: (slot) => version.at(slot) };
}

function copy<A extends Float32Array | Float64Array | Uint32Array>(target: A, source: A): A {
  target.set(source);
  return target;
}

class RecordedColumns implements SnapshotColumns {
  readonly keys: readonly string[];
  readonly #values: ReadonlyMap<string, Float32Array>;
  readonly #times: ReadonlyMap<string, Float64Array>;
  readonly #unknown: Float32Array;
  readonly #idle: Float32Array;
  readonly #never: Float64Array;
  readonly #takenAtMs: number;

  constructor(
    keys: readonly string[],
    values: ReadonlyMap<string, Float32Array>,
    times: ReadonlyMap<string, Float64Array>,
    { slotCount, takenAtMs }: { readonly slotCount: number; readonly takenAtMs: number },
  ) {
    this.keys = keys;
    this.#values = values;
    this.#times = times;
    this.#unknown = new Float32Array(slotCount).fill(Number.NaN);
    this.#idle = new Float32Array(slotCount);
    this.#never = new Float64Array(slotCount);
    this.#takenAtMs = Math.floor(takenAtMs);
  }

  get waitingRequests(): Float32Array {
    return this.get("waiting_requests");
  }

  get runningRequests(): Float32Array {
    return this.get("running_requests");
  }

  get kvCacheUsage(): Float32Array {
    return this.get("kv_cache_usage");
  }

  get kvBlockTokens(): Float32Array {
    return this.get("kv_block_tokens");
  }

  get kvTotalBlocks(): Float32Array {
    return this.get("kv_total_blocks");
  }

  get maxAdapters(): Float32Array {
    return this.get("max_adapters");
  }

  get inflightRequests(): Float32Array {
    return this.#idle;
  }

  get inflightPromptTokens(): Float32Array {
    return this.#idle;
  }

  get inflightOutputTokens(): Float32Array {
    return this.#idle;
  }

  get(key: string): Float32Array {
    return (inflightKeys as readonly string[]).includes(key) ? this.#idle : (this.#values.get(key) ?? this.#unknown);
  }

  ageMs(key: string, slot: number): number {
    const measuredAtMs = this.measuredAtMs(key)[slot] ?? 0;
    return measuredAtMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#takenAtMs - measuredAtMs);
  }

  measuredAtMs(key: string): Float64Array {
    return this.#times.get(key) ?? this.#never;
  }
}
