import type { DecisionRecord, FeedbackEvent } from "@outrider/core";
import { type Listener, tellNeverSent, tellPicked } from "@outrider/host";
import type { FeedbackEvent as WireEvent } from "@outrider/protos/scorer";
import { fromWireEvent } from "@outrider/transport";

/** Who is told of a decision that was made again. */
export interface ToldDecision {
  readonly record: DecisionRecord;
  readonly listeners: readonly Listener[];
  readonly promptTokens: number;
  /**
   * Slot that plugins hear the request went to: as recorded, or where it goes now; -1 = nowhere. Of an endpoint that it
   * did not go to nobody knows how long it would have taken, nor what it would have found in its cache.
   */
  readonly slot: number;
  /** Whether that is where it went. */
  readonly isAsRecorded: boolean;
}

/** Tells plugins of a recorded event. @returns whether nothing follows. */
export function tell(told: ToldDecision, wire: WireEvent): boolean {
  const event = fromWireEvent(wire);
  if (event === undefined) return false;
  const isLast = event.kind === "done";
  if (told.isAsRecorded) tellAgain(told, event);
  else tellElsewhere(told, event);
  return isLast;
}

function tellAgain({ record, listeners, promptTokens }: ToldDecision, event: FeedbackEvent): void {
  if (event.kind === "picked") tellPicked(listeners, record, { slot: event.slot, atMs: event.atMs, promptTokens });
  else for (const { callId, feedback } of listeners) feedback({ ...event, callId });
}

function tellElsewhere({ record, listeners, slot, promptTokens }: ToldDecision, event: FeedbackEvent): void {
  const { atMs } = event;
  if (slot < 0) {
    if (event.kind === "done") tellNeverSent(listeners, record, atMs);
    return;
  }
  const isLate = event.kind === "done" && event.cause === "never_sent";
  if (event.kind === "picked" || isLate) tellPicked(listeners, record, { slot, atMs, promptTokens });
  if (event.kind !== "done") return;
  const unknown = { slot, cachedTokens: 0, ttftUs: 0 };
  const cause = isLate ? "unknown" : event.cause;
  for (const { callId, feedback } of listeners) feedback({ ...event, ...unknown, cause, callId });
}
