import type { Refusal, RefusalCode } from "./types.ts";

/** HTTP status of each code, as the reference EPP answers. */
const statuses: Readonly<Record<RefusalCode, number>> = {
  BadRequest: 400,
  NotFound: 404,
  RequestTimeout: 408,
  PreconditionFailed: 412,
  PayloadTooLarge: 413,
  HeadersTooLarge: 431,
  ResourceExhausted: 429,
  Internal: 500,
  ServiceUnavailable: 503,
};

/** @param droppedReason value of `x-llm-d-request-dropped-reason`; empty = none. */
export function refuse(code: RefusalCode, message: string, droppedReason = ""): Refusal {
  return { kind: "refused", code, status: statuses[code], message, droppedReason };
}
