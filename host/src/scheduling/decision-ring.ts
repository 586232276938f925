import type { DecisionRecord, Plan } from "@outrider/core";
import type { Door, Refusal } from "./types.ts";

/** What the record of a decision leaves out. */
export interface DecisionCircumstances {
  readonly door: Door;
  /** Plan it was made by. */
  readonly plan: Plan;
  /** What the client was told instead of being sent on; `undefined` where the request was sent. */
  readonly refusal: Refusal | undefined;
}

/** The latest decisions, for explain: bounded, the oldest are overwritten. */
export interface DecisionRing {
  add(record: DecisionRecord, circumstances: DecisionCircumstances): void;
  /** A decision by its id, or by the id of its request; the newest where several fit. */
  find(id: string): DecisionRecord | undefined;
  /** Decisions that it was given so far, those that are overwritten too. */
  readonly count: number;
  /** The latest `count`, newest first. */
  latest(count: number): readonly DecisionRecord[];
  /** @param record one that this ring gave. */
  circumstancesOf(record: DecisionRecord): DecisionCircumstances;
}

/** @param capacity decisions kept, ≥ 1. */
export function createDecisionRing(capacity: number): DecisionRing {
  const entries: { readonly record: DecisionRecord; readonly circumstances: DecisionCircumstances }[] = [];
  let next = 0;
  let count = 0;
  const newestFirst = function* () {
    for (let i = 1; i <= entries.length; i++) yield entries[(next - i + entries.length) % entries.length].record;
  };
  return {
    add(record, circumstances) {
      entries[next] = { record, circumstances };
      next = (next + 1) % capacity;
      count += 1;
    },
    get count() {
      return count;
    },
    find(id) {
      for (const record of newestFirst()) if (record.decisionId === id || record.facts.requestId === id) return record;
      return undefined;
    },
    latest(wanted) {
      return newestFirst().take(wanted).toArray();
    },
    circumstancesOf(record) {
      const found = entries.find((entry) => entry.record === record);
      if (found === undefined) throw new Error(`decision ${record.decisionId} is not from this ring`);
      return found.circumstances;
    },
  };
}
