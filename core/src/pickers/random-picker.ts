import type { Picker } from "../cycle/types.ts";
import { shuffleFront, toPickCount } from "./shuffle.ts";

/** `parameters:` of a `random-picker`. */
export interface RandomOptions {
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/** Picks any candidate, each with the same chance, whatever the totals. */
export function createRandomPicker(name: string, { maxNumOfEndpoints }: RandomOptions = {}): Picker {
  return {
    name,
    type: "random-picker",
    pick({ candidates, random }) {
      const count = toPickCount(maxNumOfEndpoints, candidates.length);
      if (count === 1) return [candidates[Math.floor(random() * candidates.length)]];
      return Array.from(shuffleFront(candidates.slice(), count, random).subarray(0, count));
    },
  };
}
