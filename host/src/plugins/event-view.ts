import type { FeedbackEvent, Need } from "@outrider/core/contract";

/** @returns an event with what these needs open of it, the same one where that is all. */
export function createEventView(granted: readonly Need[]): (event: FeedbackEvent) => FeedbackEvent {
  const headers = granted.find(({ key }) => key === "events.headers");
  const names = headers?.names?.map((name) => name.toLowerCase()) ?? [];
  const seesAnswers = granted.some(({ key }) => key === "events.answer_blocks");
  return (event) => {
    if (event.kind === "headers") {
      const seen = names.filter((name) => Object.hasOwn(event.headers, name));
      return { ...event, headers: Object.fromEntries(seen.map((name) => [name, event.headers[name]!])) };
    }
    if (event.kind !== "done" || event.blockHashes === undefined || seesAnswers) return event;
    const { blockHashes: _unseen, ...rest } = event;
    return rest;
  };
}
