import type { Picker, PickInput } from "../cycle/types.ts";
import { toPickCount } from "./shuffle.ts";
import { takeHighest } from "./take-highest.ts";

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
      const count = toPickCount(maxNumOfEndpoints, input.candidates.length);
      return takeHighest(input.candidates, drawKeys(input, temperature), count);
    },
  };
}

/** Half of the smallest difference of random numbers: keeps them off 0 and 1, where noise has no end. */
const HALF_STEP = 2 ** -33;

/** Below it all temperatures pick the highest total: keeps keys finite. */
const MIN_TEMPERATURE = 1e-9;

/** A key each, the highest is picked: total ÷ temperature with Gumbel noise, which picks as softmax does. */
function drawKeys({ totals, random }: PickInput, temperature: number): Float64Array {
  const divisor = Math.max(temperature, MIN_TEMPERATURE);
  const keys = new Float64Array(totals.length);
  for (let i = 0; i < totals.length; i++) {
    keys[i] = totals[i] / divisor - Math.log(-Math.log(random() + HALF_STEP));
  }
  return keys;
}
