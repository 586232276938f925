import type { Picker, PickInput } from "../cycle/types.ts";
import { toPickCount } from "./shuffle.ts";
import { takeHighest } from "./take-highest.ts";

/** `parameters:` of a `round-robin` picker. */
export interface RoundRobinOptions {
  /** Endpoints named, the pick and fallbacks; below 1 counts as 1; default 1. */
  readonly maxNumOfEndpoints?: number;
}

/**
 * Picks the candidates in turn, whatever the totals: the one that was picked longest ago, of those never picked the
 * lowest slot. So each gets its turn also where requests differ in candidates, as those of two profiles or models do.
 * Keeps turns from decision to decision, which no record has: deciding again from a record takes over what was picked,
 * where all of it are candidates.
 */
export function createRoundRobinPicker(name: string, { maxNumOfEndpoints }: RoundRobinOptions = {}): Picker {
  /** Turn in which each slot was picked last; 0 or beyond the end = never. */
  let turns = new Float64Array(0);
  let turn = 0;
  const inTurn = ({ candidates }: PickInput) => {
    const keys = Float64Array.from(candidates, (slot) => -(turns[slot] ?? 0));
    return takeHighest(candidates, keys, toPickCount(maxNumOfEndpoints, candidates.length));
  };
  return {
    name,
    type: "round-robin",
    pick(input) {
      const picked = inTurn(input);
      const [slot] = picked;
      if (slot >= turns.length) turns = extend(turns, slot + 1);
      turns[slot] = ++turn;
      return picked;
    },
    again: (input, recorded) =>
      recorded.length > 0 && recorded.every((slot) => input.candidates.includes(slot)) ? [...recorded] : inTurn(input),
  };
}

function extend(turns: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const extended = new Float64Array(2 * length);
  extended.set(turns);
  return extended;
}
