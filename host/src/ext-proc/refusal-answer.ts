import { refusalHeaders } from "../doors/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";
import { encodeImmediate } from "./messages/answers.ts";

/** What the client of a refused request reads, in the reference EPP's form. */
export function refusalText({ code, message }: Pick<Refusal, "code" | "message">): string {
  return `inference error: ${code} - ${message}`;
}

/** Frame of the ImmediateResponse for a refused request. */
export function encodeRefusal(refusal: Refusal): Buffer {
  const { status, code } = refusal;
  const details = `outrider_${code}`;
  return encodeImmediate({ status, headers: refusalHeaders(refusal), body: refusalText(refusal), details });
}
