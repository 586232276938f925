import type { Log } from "../log.ts";
import type { RefusalCode } from "../scheduling/types.ts";
import type { RequestOutcome } from "./metrics.ts";

/** What the access log says of a request: nothing of its body, and of its headers the id alone. */
export interface AccessLine {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** Status of the answer; 0 where the client was gone before. */
  readonly status: number;
  /** Bytes of the request's body. */
  readonly bytesIn: number;
  /** Bytes of the response's body. */
  readonly bytesOut: number;
  /** From the request's headers to the end of the response. */
  readonly durationMs: number;
  /** From the request's headers to the first byte of the response's body; `undefined` where there was none. */
  readonly ttftMs: number | undefined;
  /** The model server asked last; `undefined` = none. */
  readonly endpoint: string | undefined;
  /** `undefined` where nothing was decided. */
  readonly decisionId: string | undefined;
  readonly requestId: string;
  readonly retries: number;
  readonly outcome: RequestOutcome;
  /** Code of the gateway's own error; `undefined` = none. */
  readonly code: RefusalCode | undefined;
}

/** Where a line a request goes. */
export type AccessLog = (line: AccessLine) => void;

/** Writes lines at the level `info`; `undefined` where that level is off, so that none is built. */
export function createAccessLog(log: Log): AccessLog | undefined {
  if (!log.isLevelEnabled("info")) return undefined;
  return (line) => log.info({ ...line, durationMs: rounded(line.durationMs), ttftMs: rounded(line.ttftMs) }, "request");
}

function rounded(ms: number): number;
function rounded(ms: number | undefined): number | undefined;
function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1000) / 1000;
}
