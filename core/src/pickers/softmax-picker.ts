import type { Picker, PickInput } from "../cycle/types.ts";
import { toPickCount } from "./shuffle.ts";

/** `parameters:` of a `softmax` picker. */
export interface SoftmaxOptions {
  /** By how much a total must be higher to be e times as likely, > 0; default 1. */
  readonly temperature?: number;
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/**
 * Picks a candidate with a chance in proportion to `e ^ (total ÷ temperature)`, fallbacks among the rest likewise. Near
 * temperature 0 it picks the highest total, far above the totals' range it picks any.
 */
export function createSoftmaxPicker(name: string, options: SoftmaxOptions = {}): Picker {
  const { temperature = 1, maxNumOfEndpoints } = options;
  return {
    name,
    type: "softmax",
    pick(input) {
      const { candidates, totals } = input;
      const keys = drawKeys(input, temperature);
      const before = (one: number, other: number) => keys[other] - keys[one] || totals[other] - totals[one];
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

/** Half of the smallest difference of random numbers: keeps them off 0 and 1, where noise has no end. */
const HALF_STEP = 2 ** -33;

/** A key each, the highest is picked: total ÷ temperature with Gumbel noise, which picks as softmax does. */
function drawKeys({ totals, random }: PickInput, temperature: number): Float64Array {
  const highest = totals.reduce((max, total) => Math.max(max, total), Number.NEGATIVE_INFINITY);
  const keys = new Float64Array(totals.length);
  for (let i = 0; i < totals.length; i++) {
    const noise = -Math.log(-Math.log1p(-(random() + HALF_STEP)));
    keys[i] = Math.max((totals[i] - highest) / temperature, -Number.MAX_VALUE) + noise;
  }
  return keys;
}
