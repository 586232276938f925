import type { NeedKey } from "../contract/index.ts";
import { columnKeys } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "./keep-slots.ts";

/** Attributes of endpoints as the reference EPP names them, and the columns that have them. */
const attributeKeys: Readonly<Record<string, NeedKey>> = {
  WaitingQueueSize: "waiting_requests",
  RunningRequestsSize: "running_requests",
  KVCacheUsagePercent: "kv_cache_usage",
  MaxActiveModels: "max_adapters",
  CacheBlockSize: "kv_block_tokens",
  CacheNumBlocks: "kv_total_blocks",
};

/** How a value is compared with the threshold. */
export const thresholdOperators = {
  LessThan: (value, threshold) => value < threshold,
  LessThanOrEqual: (value, threshold) => value <= threshold,
  GreaterThan: (value, threshold) => value > threshold,
  GreaterThanOrEqual: (value, threshold) => value >= threshold,
  Equal: (value, threshold) => value === threshold,
  NotEqual: (value, threshold) => value !== threshold,
} as const satisfies Record<string, (value: number, threshold: number) => boolean>;

/** What an `endpoint-attribute-filter` goes by. */
export interface AttributeOptions {
  /** Column of the attribute, of {@link toAttributeKey}. */
  readonly key: NeedKey;
  readonly operator: keyof typeof thresholdOperators;
  readonly value: number;
  /** Whether an endpoint passes of which the value is unknown. */
  readonly passesMissing: boolean;
  /** Whether all candidates stay where none would. */
  readonly fallbackOnEmpty: boolean;
}

/** Column of an attribute: by the reference EPP's name or a column's own; any other is a metric of the operator's. */
export function toAttributeKey(attribute: string): NeedKey {
  const known = Object.hasOwn(attributeKeys, attribute) ? attributeKeys[attribute] : undefined;
  if (known !== undefined) return known;
  const isKey = Object.hasOwn(columnKeys, attribute) || /^(?:metric|rate)\./.test(attribute);
  return (isKey ? attribute : `metric.${attribute}`) as NeedKey;
}

/** Keeps the endpoints whose value of one attribute compares as asked with a threshold. */
export function createAttributeFilter(name: string, options: AttributeOptions): Filter {
  const { key, operator, value, passesMissing, fallbackOnEmpty } = options;
  const compares = thresholdOperators[operator];
  const threshold = Math.fround(value);
  return {
    name,
    type: "endpoint-attribute-filter",
    filter({ candidates, columns }) {
      const values = columns.get(key);
      const kept = keepSlots(candidates, (slot) =>
        Number.isNaN(values[slot]) ? passesMissing : compares(values[slot], threshold),
      );
      return kept.length === 0 && fallbackOnEmpty ? candidates : kept;
    },
  };
}
