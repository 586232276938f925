import { refuse } from "../scheduling/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";

/** Response header that names why a request was dropped. */
const droppedReasonHeader = "x-llm-d-request-dropped-reason";

/** Headers of the answer to a refused request. */
export function refusalHeaders({ droppedReason, retryAfterS }: Refusal): readonly (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = [];
  if (droppedReason !== "") headers.push([droppedReasonHeader, droppedReason]);
  if (retryAfterS !== undefined) headers.push(["retry-after", String(Math.ceil(retryAfterS))]);
  return headers;
}

/** More of a body than is held. */
export function tooLarge(maxBodyBytes: number): Refusal {
  return refuse("PayloadTooLarge", `request body is larger than ${maxBodyBytes} bytes`);
}

/** Headers of more bytes, names and values together, than are taken. */
export function headersTooLarge(maxHeaderBytes: number): Refusal {
  return refuse("HeadersTooLarge", `request headers are larger than ${maxHeaderBytes} bytes`);
}

/** A request that is not whole in time, however steadily it comes in. */
export function tooSlow(maxRequestMs: number): Refusal {
  return refuse("RequestTimeout", `the request did not come in whole within ${maxRequestMs} ms`);
}

/** More requests are open than a door has at once. */
export function tooManyRequests(maxOpenRequests: number): Refusal {
  return soonAgain(`more than ${maxOpenRequests} requests are open`);
}

/** More memory than the bodies of all requests may hold together. */
export function tooMuchHeld(maxHeldBytes: number): Refusal {
  return soonAgain(`the bodies of all requests together would hold more than ${maxHeldBytes} bytes`);
}

/** Nothing about the request is wrong: it comes at a bad time. */
function soonAgain(message: string): Refusal {
  return { ...refuse("ResourceExhausted", message), retryAfterS: 1 };
}

/** A phase took longer than its deadline: the request comes in, is decided, waits for the response, or gets it. */
export function overdue(phase: "holding" | "deciding" | "waiting" | "responding"): Refusal {
  switch (phase) {
    case "holding":
      return { ...refuse("ServiceUnavailable", "the rest of the request did not come in time"), status: 504 };
    case "deciding":
      return refuse("ServiceUnavailable", "no decision in time");
    case "waiting":
      return { ...refuse("ServiceUnavailable", "no response from the model server in time"), status: 504 };
    case "responding":
      return { ...refuse("ServiceUnavailable", "the model server fell silent"), status: 504 };
  }
}
