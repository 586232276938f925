import type { Picker } from "../cycle/types.ts";
import { shuffleFront, toPickCount } from "./shuffle.ts";

/** `parameters:` of a `power-of-two` picker. */
export interface PowerOfTwoOptions {
  /** Candidates drawn, of which the best is picked, at least 1; default 2. */
  readonly choices?: number;
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/**
 * Draws a few candidates, each with the same chance, and picks that of the highest total; of equal ones the first drawn.
 * Requests that come at once so do not all go to the one that looked best. Fallbacks: the rest likewise.
 */
export function createPowerOfTwoPicker(name: string, options: PowerOfTwoOptions = {}): Picker {
  const { choices = 2, maxNumOfEndpoints } = options;
  return {
    name,
    type: "power-of-two",
    pick({ candidates, totals, random }) {
      const left = Array.from(candidates.keys());
      const picked: number[] = [];
      const count = toPickCount(maxNumOfEndpoints, candidates.length);
      while (picked.length < count) {
        const drawn = Math.min(choices, left.length);
        shuffleFront(left, drawn, random);
        let best = 0;
        for (let i = 1; i < drawn; i++) if (totals[left[i]] > totals[left[best]]) best = i;
        picked.push(candidates[left[best]]);
        left.splice(best, 1);
      }
      return picked;
    },
  };
}
