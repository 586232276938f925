import type { RequestOutcome } from "../contract/index.ts";
import { createFolding } from "./folding.ts";
import { toPoint } from "./numbers.ts";
import type { Timeline } from "./types.ts";

const slots = 256;
const column = { sent: 0, ok: 1, notOk: 2, outputTokens: 3, ttftSum: 4, ttftCount: 5 } as const;

/** Counts a run over time; about 12 kB. */
export function createTimelineMeter() {
  const folding = createFolding(
    Object.values(column).map(() => "sum"),
    slots,
  );
  return {
    record({ sentMs, endMs, kind, outputTokens, ttftMs }: RequestOutcome) {
      folding.add(column.sent, sentMs, 1);
      folding.add(kind === "ok" ? column.ok : column.notOk, endMs, 1);
      folding.add(column.outputTokens, endMs, outputTokens);
      if (Number.isNaN(ttftMs)) return;
      folding.add(column.ttftSum, sentMs, ttftMs);
      folding.add(column.ttftCount, sentMs, 1);
    },
    timeline(): Timeline {
      const seconds = folding.intervalMs / 1000;
      const each = <T>(value: (slot: number) => T) => Array.from({ length: folding.used }, (_, slot) => value(slot));
      return {
        intervalMs: folding.intervalMs,
        sent: each((slot) => folding.at(column.sent, slot)),
        ok: each((slot) => folding.at(column.ok, slot)),
        notOk: each((slot) => folding.at(column.notOk, slot)),
        outputTokensPerSecond: each((slot) => toPoint(folding.at(column.outputTokens, slot) / seconds) ?? 0),
        ttftMs: each((slot) => toPoint(folding.at(column.ttftSum, slot) / folding.at(column.ttftCount, slot))),
      };
    },
  };
}
