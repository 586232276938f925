import type { Picker, PickInput } from "../cycle/types.ts";
import { toPickCount } from "./shuffle.ts";

/** `parameters:` of a `max-score-picker`. */
export interface MaxScoreOptions {
  /** Which of equal totals wins: any, or the lowest slot; default `random`. */
  readonly tieBreak?: "random" | "first";
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/** Picks the highest total; fallbacks follow in order of their totals. */
export function createMaxScorePicker(name: string, options: MaxScoreOptions = {}): Picker {
  const { tieBreak = "random", maxNumOfEndpoints } = options;
  return {
    name,
    type: "max-score-picker",
    tieBreak,
    pick(input) {
      const count = toPickCount(maxNumOfEndpoints, input.candidates.length);
      const positions: number[] = [];
      while (positions.length < count) positions.push(findMax(input, positions, tieBreak === "random"));
      return positions.map((position) => input.candidates[position]);
    },
  };
}

/** Position of the highest total not taken; each of n equal ones with a chance of 1/n, or the first. */
function findMax({ totals, random }: PickInput, taken: readonly number[], isRandom: boolean): number {
  let best = -1;
  let equal = 0;
  for (let i = 0; i < totals.length; i++) {
    if (best >= 0 && totals[i] < totals[best]) continue;
    if (taken.length > 0 && taken.includes(i)) continue;
    if (best < 0 || totals[i] > totals[best]) {
      best = i;
      equal = 1;
    } else if (isRandom && random() * ++equal < 1) {
      best = i;
    }
  }
  return best;
}
