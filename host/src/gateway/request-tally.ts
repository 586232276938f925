import type { RefusalCode } from "../scheduling/types.ts";
import type { AccessLine } from "./access-log.ts";
import type { RequestOutcome } from "./metrics.ts";

/** What is counted of one request, for metrics and the access log. */
export class RequestTally {
  readonly #startedMs = performance.now();
  #firstByteMs = Number.NaN;
  bytesIn = 0;
  bytesOut = 0;
  retries = 0;
  outcome: RequestOutcome = "client_gone";
  code: RefusalCode | undefined;

  /** Bytes of the response's body go out. */
  wrote(bytes: number): void {
    if (this.bytesOut === 0) this.#firstByteMs = performance.now();
    this.bytesOut += bytes;
  }

  /** What the log says of it, now that it is over. */
  toLine(about: Pick<AccessLine, "method" | "path" | "status" | "endpoint" | "decisionId" | "requestId">): AccessLine {
    const { bytesIn, bytesOut, retries, outcome, code } = this;
    const durationMs = performance.now() - this.#startedMs;
    const ttftMs = Number.isNaN(this.#firstByteMs) ? undefined : this.#firstByteMs - this.#startedMs;
    return { ...about, bytesIn, bytesOut, durationMs, ttftMs, retries, outcome, code };
  }
}
