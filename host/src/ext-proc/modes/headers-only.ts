import { encodeRoute } from "../messages/answers.ts";
import { streamedResponse } from "./buffered.ts";
import type { RequestMode } from "./request-mode.ts";
import type { ResponseMode } from "./response-mode.ts";

/** NONE: the body never comes, so the headers alone decide. */
export const hiddenRequest: RequestMode = {
  decidesOn: "headers",
  rest: "nothing",
  mayBeCut: false,
  sendRoute(stream, route) {
    stream.send(encodeRoute("request_headers", route));
  },
};

/** STREAMED: chunks come when the headers are answered, too late for a decision; each is answered as it comes. */
export const streamedRequest: RequestMode = { ...hiddenRequest, rest: "chunks" };

/** NONE: the exchange is over with the response's headers. */
export const hiddenResponse: ResponseMode = { ...streamedResponse, body: "hidden" };
