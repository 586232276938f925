import type { IncomingMessage } from "node:http";
import type { DoorLimits } from "../doors/limits.ts";
import { tooLarge } from "../doors/refusals.ts";
import { refuse } from "../scheduling/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";

/** Headers of a request at most; 431 above it. */
export const maxHeaders = 256;

/** Why the headers of a request say that it cannot be served; `undefined` = it can. */
export function checkRequest(request: IncomingMessage, { maxBodyBytes }: DoorLimits): Refusal | undefined {
  const { headers, rawHeaders } = request;
  if (rawHeaders.length > 2 * maxHeaders) {
    return refuse("HeadersTooLarge", `the request has more than ${maxHeaders} headers`);
  }
  if (headers.host === undefined && request.httpVersion === "1.1") {
    return refuse("BadRequest", "the request names no host");
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== "100-continue") {
    return { ...refuse("BadRequest", "only 100-continue can be expected"), status: 417 };
  }
  if (headers.upgrade?.toLowerCase().includes("websocket")) return notHere("WebSockets are not proxied");
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return notHere(`the transfer coding ${JSON.stringify(coding)} is not known`);
  }
  return Number(headers["content-length"] ?? 0) > maxBodyBytes ? tooLarge(maxBodyBytes) : undefined;
}

/** Whether a body follows the headers. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** What no retry and no other model server would change. */
export function notHere(message: string): Refusal {
  return { ...refuse("BadRequest", message), status: 501 };
}
