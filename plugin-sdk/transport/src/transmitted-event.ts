import type { FeedbackEvent } from "@outrider/core/contract";

/** An event as it is after its travels: inline instances get it so, too, that placements agree bit by bit. */
export function asTransmitted(event: FeedbackEvent): FeedbackEvent {
  switch (event.kind) {
    case "picked": {
      const { ownScore, totalScore } = event;
      return { ...event, ownScore: Math.fround(ownScore), totalScore: Math.fround(totalScore) };
    }
    case "headers":
      return { ...event, ttfbUs: toUint(event.ttfbUs) };
    case "progress":
      return { ...event, elapsedMs: toUint(event.elapsedMs) };
    case "done":
      return { ...event, ttftUs: toUint(event.ttftUs), e2eMs: toUint(event.e2eMs) };
  }
}

/** Whole and in range: times come from clocks. */
export function toUint(value: number): number {
  return Math.min(Math.max(Math.floor(value), 0), 0xffffffff);
}
