import type { Picker, PickInput } from "../cycle/types.ts";
import { toPickCount } from "./shuffle.ts";

/** `parameters:` of a `round-robin` picker. */
export interface RoundRobinOptions {
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/**
 * Picks the candidates in turn, whatever the totals: that of the lowest slot above the one picked last, behind the last
 * one the first. Keeps the slot picked last from decision to decision, which no record has: deciding again from a
 * record takes over what was picked, where it is a candidate.
 */
export function createRoundRobinPicker(name: string, { maxNumOfEndpoints }: RoundRobinOptions = {}): Picker {
  let last = -1;
  const inTurn = ({ candidates }: PickInput, start: number) => {
    const count = toPickCount(maxNumOfEndpoints, candidates.length);
    return Array.from({ length: count }, (_, i) => candidates[(start + i) % candidates.length]);
  };
  return {
    name,
    type: "round-robin",
    pick(input) {
      const next = input.candidates.findIndex((slot) => slot > last);
      const picked = inTurn(input, Math.max(next, 0));
      last = picked[0];
      return picked;
    },
    again: (input, recorded) => inTurn(input, Math.max(input.candidates.indexOf(recorded[0] ?? -1), 0)),
  };
}
