import type { Refusal } from "../scheduling/types.ts";
import { encodeImmediate, type HeaderPair } from "./messages/answers.ts";

/** Response header that names why a request was dropped. */
export const droppedReasonHeader = "x-llm-d-request-dropped-reason";

/** What the client of a refused request reads, in the reference EPP's form. */
export function refusalText({ code, message }: Pick<Refusal, "code" | "message">): string {
  return `inference error: ${code} - ${message}`;
}

/** Headers of the answer to a refused request. */
export function refusalHeaders({ droppedReason, retryAfterS }: Refusal): readonly HeaderPair[] {
  const headers: HeaderPair[] = [];
  if (droppedReason !== "") headers.push([droppedReasonHeader, droppedReason]);
  if (retryAfterS !== undefined) headers.push(["retry-after", String(Math.ceil(retryAfterS))]);
  return headers;
}

/** Frame of the ImmediateResponse for a refused request. */
export function encodeRefusal(refusal: Refusal): Buffer {
  const { status, code } = refusal;
  return encodeImmediate({
    status,
    headers: refusalHeaders(refusal),
    body: refusalText(refusal),
    details: `outrider_${code}`,
  });
}
