import type { NeedKey } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "./keep-slots.ts";

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
  /** Column of the attribute, of `toAttributeKey`. */
  readonly key: NeedKey;
  readonly operator: keyof typeof thresholdOperators;
  readonly value: number;
  /** Whether an endpoint passes of which the value is unknown. */
  readonly passesMissing: boolean;
  /** Whether all candidates stay where none would. */
  readonly fallbackOnEmpty: boolean;
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
