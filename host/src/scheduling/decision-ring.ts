import type { DecisionRecord } from "@outrider/core";

/** The latest decisions, for explain: bounded, the oldest are overwritten. */
export interface DecisionRing {
  add(record: DecisionRecord): void;
  /** A decision by its id, or by the id of its request; the newest where several fit. */
  find(id: string): DecisionRecord | undefined;
  /** The latest `count`, newest first. */
  latest(count: number): readonly DecisionRecord[];
}

/** @param capacity decisions kept, ≥ 1. */
export function createDecisionRing(capacity: number): DecisionRing {
  const records: DecisionRecord[] = [];
  let next = 0;
  const newestFirst = function* () {
    for (let i = 1; i <= records.length; i++) {
      const record = records[(next - i + records.length) % records.length];
      if (record !== undefined) yield record;
    }
  };
  return {
    add(record) {
      records[next] = record;
      next = (next + 1) % capacity;
    },
    find(id) {
      for (const record of newestFirst()) if (record.decisionId === id || record.facts.requestId === id) return record;
      return undefined;
    },
    latest(count) {
      return newestFirst().take(count).toArray();
    },
  };
}
