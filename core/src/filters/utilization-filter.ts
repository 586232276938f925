import type { ColumnKey, EndpointColumns } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "./keep-slots.ts";

/** What a condition of a `utilization-filter` may be on, and the column that has it. */
export const utilizationMetrics = {
  "active-requests": "inflight_requests",
  "running-requests": "running_requests",
  "waiting-queue": "waiting_requests",
  "kv-cache-utilization": "kv_cache_usage",
} as const satisfies Record<string, ColumnKey>;

/** One limit of a `utilization-filter`. */
export interface UtilizationCondition {
  readonly metric: keyof typeof utilizationMetrics;
  /** Largest value that passes. */
  readonly maxValue: number;
}

/** `parameters:` of a `utilization-filter`. */
export interface UtilizationOptions {
  /** Limits, all of which must hold; at least one. */
  readonly conditions: readonly UtilizationCondition[];
  /** Whether all candidates stay where none would. */
  readonly fallbackOnEmpty: boolean;
}

/**
 * Keeps the endpoints that are within every limit. What is unknown is not idle: an endpoint of which a value is unknown
 * stays only where otherwise none would.
 */
export function createUtilizationFilter(name: string, { conditions, fallbackOnEmpty }: UtilizationOptions): Filter {
  return {
    name,
    type: "utilization-filter",
    filter({ candidates, columns }) {
      const known = keepWithin(candidates, columns, conditions, false);
      const kept = known.length > 0 ? known : keepWithin(candidates, columns, conditions, true);
      return kept.length === 0 && fallbackOnEmpty ? candidates : kept;
    },
  };
}

function keepWithin(
  candidates: Uint32Array,
  columns: EndpointColumns,
  conditions: readonly UtilizationCondition[],
  passesUnknown: boolean,
): Uint32Array {
  let kept = candidates;
  for (const { metric, maxValue } of conditions) {
    const values = columns.get(utilizationMetrics[metric]);
    const max = Math.fround(maxValue);
    kept = passesUnknown
      ? keepSlots(kept, (slot) => !(values[slot] > max))
      : keepSlots(kept, (slot) => values[slot] <= max);
  }
  return kept;
}
