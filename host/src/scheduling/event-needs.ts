import type { Need } from "@outrider/core";

/** What of responses plugins asked for. */
export interface EventNeeds {
  readonly progress: boolean;
  /** Whether usage is to be read out of responses, or their answers are. */
  readonly usage: boolean;
  /** Names of response headers, lower case. */
  readonly headers: readonly string[];
}

/** @param granted union of what all plugins were granted. */
export function eventNeedsOf(granted: readonly Need[]): EventNeeds {
  const asks = (key: string) => granted.some((need) => need.key === key);
  return {
    progress: asks("events.progress"),
    usage: ["events.done", "events.progress", "events.answer_blocks"].some(asks),
    headers: granted
      .flatMap(({ key, names = [] }) => (key === "events.headers" ? names : []))
      .map((name) => name.toLowerCase()),
  };
}
