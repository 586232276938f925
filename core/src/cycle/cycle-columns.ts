import type { EndpointColumns, InflightColumns, SnapshotColumns } from "../contract/index.ts";
import { isInflightKey } from "../table/inflight.ts";
import { newFloats } from "./slab.ts";

/** Columns as one decision sees them: a snapshot's, its own copy of what was sent, ages by its own clock. */
export class CycleColumns implements EndpointColumns {
  readonly waitingRequests: Float32Array;
  readonly runningRequests: Float32Array;
  readonly kvCacheUsage: Float32Array;
  readonly kvBlockTokens: Float32Array;
  readonly kvTotalBlocks: Float32Array;
  readonly maxAdapters: Float32Array;
  readonly inflightRequests: Float32Array;
  readonly inflightPromptTokens: Float32Array;
  readonly inflightOutputTokens: Float32Array;
  readonly #measured: SnapshotColumns;
  readonly #nowMs: number;

  /** @param inflight copy taken for the decision; `undefined` where nobody reads it. */
  constructor(measured: SnapshotColumns, inflight: InflightColumns | undefined, nowMs: number) {
    this.waitingRequests = measured.waitingRequests;
    this.runningRequests = measured.runningRequests;
    this.kvCacheUsage = measured.kvCacheUsage;
    this.kvBlockTokens = measured.kvBlockTokens;
    this.kvTotalBlocks = measured.kvTotalBlocks;
    this.maxAdapters = measured.maxAdapters;
    this.inflightRequests = inflight?.requests ?? measured.inflightRequests;
    this.inflightPromptTokens = inflight?.promptTokens ?? measured.inflightPromptTokens;
    this.inflightOutputTokens = inflight?.outputTokens ?? measured.inflightOutputTokens;
    this.#measured = measured;
    this.#nowMs = Math.floor(nowMs);
  }

  get(key: string): Float32Array {
    switch (key) {
      case "inflight_requests":
        return this.inflightRequests;
      case "inflight_prompt_tokens":
        return this.inflightPromptTokens;
      case "inflight_output_tokens":
        return this.inflightOutputTokens;
      default:
        return this.#measured.get(key);
    }
  }

  ageMs(key: string, slot: number): number {
    if (isInflightKey(key)) return 0;
    const measuredAtMs = this.#measured.measuredAtMs(key)[slot] ?? 0;
    return measuredAtMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#nowMs - measuredAtMs);
  }
}

/** The counts of the first slots as they are now. */
export function copyInflight(source: InflightColumns, slotCount: number): InflightColumns {
  return {
    requests: copyColumn(source.requests, slotCount),
    promptTokens: copyColumn(source.promptTokens, slotCount),
    outputTokens: copyColumn(source.outputTokens, slotCount),
  };
}

function copyColumn(source: Float32Array, slotCount: number): Float32Array {
  const copy = newFloats(slotCount);
  copy.set(source.subarray(0, slotCount));
  return copy;
}
