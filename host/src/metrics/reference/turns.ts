import { setImmediate as nextTurn } from "node:timers/promises";

/** Spreads long work over turns of the event loop. */
export interface Turns {
  /** Resolves in a turn that no other caller has. */
  next(): Promise<void>;
}

/** Turns in the order they are asked for. */
export function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve();
  return {
    next() {
      last = last.then(() => nextTurn());
      return last;
    },
  };
}
