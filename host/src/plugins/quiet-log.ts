import type { CycleClock } from "@outrider/core";
import type { Logger } from "pino";

/** Logs a fault that may come back with every request. */
export type QuietLog = (fields: object, message: string) => void;

const quietMs = 10_000;

/** Logs the first, then at most one each 10 s, with the number of those left out. */
export function createQuietLog(log: Logger, clock: CycleClock): QuietLog {
  let nextAtMs = -Infinity;
  let leftOut = 0;
  return (fields, message) => {
    const nowMs = clock.elapsedMs();
    if (nowMs < nextAtMs) {
      leftOut += 1;
      return;
    }
    log.warn({ ...fields, leftOut }, message);
    nextAtMs = nowMs + quietMs;
    leftOut = 0;
  };
}
