import type { SnapshotColumns } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "../filters/keep-slots.ts";
import type { PoolView, SaturationDetector } from "./types.ts";

/** What a `utilization-detector` goes by. */
export interface UtilizationDetectorOptions {
  /** Waiting requests at which an endpoint is full, > 0. */
  readonly queueDepthThreshold: number;
  /** Share of the KV cache in use at which an endpoint is full, in (0, 1]. */
  readonly kvCacheUtilThreshold: number;
  /** Age beyond which a measurement does not count, in ms, > 0. */
  readonly metricsStalenessMs: number;
  /** Share by which the limits of the filter lie above the thresholds, ≥ 0. */
  readonly headroom: number;
}

/**
 * Mean over the endpoints of the larger of queue ÷ threshold and KV cache ÷ threshold. An endpoint of which one of the
 * two is unknown or stale is full: nothing says that it is not.
 */
export function createUtilizationDetector(name: string, options: UtilizationDetectorOptions): SaturationDetector {
  const { queueDepthThreshold, metricsStalenessMs } = options;
  const kvCacheThreshold = Math.fround(options.kvCacheUtilThreshold);
  return {
    name,
    type: "utilization-detector",
    saturation({ snapshot, slots, nowMs }) {
      const load = readLoad(snapshot.columns, nowMs - metricsStalenessMs);
      let sum = 0;
      for (const slot of slots) {
        sum += isFresh(load, slot)
          ? Math.max(load.waiting[slot] / queueDepthThreshold, load.kvCache[slot] / kvCacheThreshold)
          : 1;
      }
      return slots.length === 0 ? 1 : sum / slots.length;
    },
    isStale: ({ snapshot, nowMs }: PoolView, slot) =>
      !isFresh(readLoad(snapshot.columns, nowMs - metricsStalenessMs), slot),
  };
}

/**
 * Keeps the endpoints that are below both limits, each a threshold with its headroom, and of which both values are
 * known and not stale; all where none is.
 */
export function createUtilizationDetectorFilter(name: string, options: UtilizationDetectorOptions): Filter {
  const { queueDepthThreshold, kvCacheUtilThreshold, metricsStalenessMs, headroom } = options;
  const maxWaiting = Math.fround(queueDepthThreshold * (1 + headroom));
  const maxKvCache = Math.fround(kvCacheUtilThreshold * (1 + headroom));
  return {
    name,
    type: "utilization-detector",
    filter({ candidates, snapshot, nowMs }) {
      const load = readLoad(snapshot.columns, nowMs - metricsStalenessMs);
      const kept = keepSlots(
        candidates,
        (slot) => load.waiting[slot] < maxWaiting && load.kvCache[slot] < maxKvCache && isFresh(load, slot),
      );
      return kept.length === 0 ? candidates : kept;
    },
  };
}

/** What is measured of the endpoints, and since when a measurement counts. */
interface Load {
  readonly waiting: Float32Array;
  readonly kvCache: Float32Array;
  readonly waitingAtMs: Float64Array;
  readonly kvCacheAtMs: Float64Array;
  readonly sinceMs: number;
}

function readLoad(columns: SnapshotColumns, sinceMs: number): Load {
  return {
    waiting: columns.waitingRequests,
    kvCache: columns.kvCacheUsage,
    waitingAtMs: columns.measuredAtMs("waiting_requests"),
    kvCacheAtMs: columns.measuredAtMs("kv_cache_usage"),
    sinceMs,
  };
}

function isFresh({ waiting, kvCache, waitingAtMs, kvCacheAtMs, sinceMs }: Load, slot: number): boolean {
  const isKnown = !Number.isNaN(waiting[slot]) && !Number.isNaN(kvCache[slot]);
  return isKnown && waitingAtMs[slot] >= sinceMs && kvCacheAtMs[slot] >= sinceMs;
}
