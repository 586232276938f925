import type { Picker, PickInput } from "../cycle/types.ts";
import { toPickCount } from "./shuffle.ts";

/** `parameters:` of a `weighted-random-picker`. */
export interface WeightedRandomOptions {
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/**
 * Picks a candidate with a chance in proportion to its total, fallbacks among the rest likewise (A-Res). Those with no
 * total above 0 come last, in random order.
 */
export function createWeightedRandomPicker(name: string, { maxNumOfEndpoints }: WeightedRandomOptions = {}): Picker {
  return {
    name,
    type: "weighted-random-picker",
    pick(input) {
      const { candidates } = input;
      const before = drawOrder(input);
      const positions = Array.from(candidates.keys());
      const count = toPickCount(maxNumOfEndpoints, candidates.length);
      if (count === 1) return [candidates[positions.reduce((best, i) => (before(i, best) < 0 ? i : best))]];
      return positions
        .sort(before)
        .slice(0, count)
        .map((position) => candidates[position]);
    },
  };
}

/** Draws a key each, ln(u) ÷ total, and orders by it: as by u^(1 ÷ total), without its underflow. */
function drawOrder({ totals, random }: PickInput): (one: number, other: number) => number {
  const keys = new Float64Array(totals.length);
  for (let i = 0; i < totals.length; i++) {
    const u = 1 - random();
    keys[i] = totals[i] > 0 ? Math.log(u) / totals[i] : u;
  }
  return (one, other) => Number(totals[other] > 0) - Number(totals[one] > 0) || keys[other] - keys[one];
}
