import type { EndpointColumns, InflightColumns } from "@outrider/core/contract";

/** Where the scraped columns of a call come from. */
export interface ColumnSource {
  /** Values of a column by slot; all `NaN` for a key that nobody fills. */
  get(key: string): Float32Array;
  /** When the values of a column were measured, in whole Unix ms, by slot; 0 where they never were. */
  measuredAtMs(key: string): Float64Array;
}

/** Keys of the columns that change with every decision. */
export const inflightKeys = ["inflight_requests", "inflight_prompt_tokens", "inflight_output_tokens"] as const;

/** Key of an in-flight column. */
export type InflightKey = (typeof inflightKeys)[number];

/** Whether a column changes with every decision, so that it travels with calls and not with state. */
export function isInflightKey(key: string): key is InflightKey {
  return (inflightKeys as readonly string[]).includes(key);
}

/** In-flight column of a key. */
export function inflightColumn(inflight: InflightColumns, key: InflightKey): Float32Array {
  if (key === "inflight_requests") return inflight.requests;
  return key === "inflight_prompt_tokens" ? inflight.promptTokens : inflight.outputTokens;
}

/** The columns as one call sees them: scraped values with their age at its `nowMs`, and its own in-flight ones. */
export class CallColumns implements EndpointColumns {
  readonly #source: ColumnSource;
  readonly #inflight: InflightColumns;
  readonly #nowMs: number;

  constructor(source: ColumnSource, inflight: InflightColumns, nowMs: number) {
    this.#source = source;
    this.#inflight = inflight;
    this.#nowMs = nowMs;
  }

  get waitingRequests(): Float32Array {
    return this.#source.get("waiting_requests");
  }

  get runningRequests(): Float32Array {
    return this.#source.get("running_requests");
  }

  get kvCacheUsage(): Float32Array {
    return this.#source.get("kv_cache_usage");
  }

  get kvBlockTokens(): Float32Array {
    return this.#source.get("kv_block_tokens");
  }

  get kvTotalBlocks(): Float32Array {
    return this.#source.get("kv_total_blocks");
  }

  get maxAdapters(): Float32Array {
    return this.#source.get("max_adapters");
  }

  get inflightRequests(): Float32Array {
    return this.#inflight.requests;
  }

  get inflightPromptTokens(): Float32Array {
    return this.#inflight.promptTokens;
  }

  get inflightOutputTokens(): Float32Array {
    return this.#inflight.outputTokens;
  }

  get(key: string): Float32Array {
    return isInflightKey(key) ? inflightColumn(this.#inflight, key) : this.#source.get(key);
  }

  ageMs(key: string, slot: number): number {
    if (isInflightKey(key)) return 0;
    const measuredAtMs = this.#source.measuredAtMs(key)[slot] ?? 0;
    return measuredAtMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.floor(this.#nowMs) - measuredAtMs);
  }
}
