/** A call with the time until which its answer counts. */
export interface DueCall {
  /** By the clock that {@link DueCalls.take} is given, in ms. */
  readonly dueMs: number;
  /** Only those that wait are taken. */
  readonly state: "waiting" | "missed" | "settled";
}

/**
 * Calls in the order they were put, which is about the order in which they fall due: a call behind one with a longer
 * budget is found late by the difference.
 */
export interface DueCalls<T extends DueCall> {
  add(call: T): void;
  /** Takes out those that wait in vain: due by `nowMs`. Costs a look at the oldest where there are none. */
  take(nowMs: number): readonly T[];
}

/** Settled calls at the front that are kept until the list is copied. */
const slack = 64;

const none: readonly never[] = [];

/** No calls. */
export function createDueCalls<T extends DueCall>(): DueCalls<T> {
  let calls: T[] = [];
  let first = 0;
  return {
    add(call) {
      calls.push(call);
    },
    take(nowMs) {
      let taken: T[] | undefined;
      for (; first < calls.length; first += 1) {
        const call = calls[first]!;
        if (call.state !== "waiting") continue;
        if (call.dueMs >= nowMs) break;
        taken ??= [];
        taken.push(call);
      }
      if (first > slack && 2 * first > calls.length) {
        calls = calls.slice(first);
        first = 0;
      }
      return taken ?? none;
    },
  };
}
