import { streamedResponse } from "./buffered.ts";
import { hiddenRequest } from "./headers-only.ts";
import type { RequestMode } from "./request-mode.ts";
import type { ResponseMode } from "./response-mode.ts";

/** A gateway that announces nothing, until what it does tells more. */
export const unsureRequest: RequestMode = { ...hiddenRequest, decidesOn: "behaviour", rest: "unknown" };

/** A gateway that waits for the answer to the headers: any mode but FULL_DUPLEX_STREAMED. */
export const waitingRequest: RequestMode = { ...hiddenRequest, rest: "unknown" };

/** Its response: a body in any mode but FULL_DUPLEX_STREAMED, or none. */
export const unknownResponse: ResponseMode = { ...streamedResponse, body: "unknown" };
