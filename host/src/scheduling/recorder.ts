import type { DecisionRecord, FeedbackEvent, HostFacts, InflightColumns, Plan } from "@outrider/core";
import type { DecisionCircumstances } from "./decision-ring.ts";

/** A decision that begins. */
export interface BegunDecision {
  readonly decisionId: string;
  /** The request still has its prompt: what is kept of it is taken now. */
  readonly facts: HostFacts;
  /** What the decision is made from. */
  readonly snapshot: DecisionRecord["snapshot"];
  /** What it is made by. */
  readonly plan: Plan;
  /** Slots, ascending. */
  readonly candidates: Uint32Array;
  /** Live counts of what was sent. */
  readonly inflight: InflightColumns;
  /** Its randomness, 32 bits. */
  readonly seed: number;
}

/** Hears what becomes of one decision, in the order in which plugins do. */
export interface DecisionWatch {
  /** It goes on behind answers that it waited for. */
  resumed(): void;
  /** It was made; nothing comes between that and the first event. */
  made(record: DecisionRecord, circumstances: DecisionCircumstances): void;
  /** Plugins that ask for such events are told of this one; `callId` is of no meaning. */
  told(event: FeedbackEvent): void;
}

/**
 * Hears of decisions while they are made, for a recording. Called on the way of every request, so that it has to be
 * quick, must not throw and does not wait.
 */
export interface DecisionRecorder {
  /** @returns who hears of the rest of it; `undefined` = nobody wants it. */
  begin(decision: BegunDecision): DecisionWatch | undefined;
}
