import type { Report } from "./report.ts";
import { cutShortReasons } from "./tables.ts";

/** Why a report has less than it was to have, in a sentence; `undefined` = all is there. */
export function partialNote({ partial, runs }: Report): string | undefined {
  const reasons = new Set([
    ...(partial === null ? [] : [partial]),
    ...cutShortReasons(runs.map(({ summary }) => summary)),
  ]);
  return reasons.size === 0
    ? undefined
    : `This report does not hold all that it was to hold: ${[...reasons].join("; ")}.`;
}
