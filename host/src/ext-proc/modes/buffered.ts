import { encodeReplacedBody, encodeRoute, encodeTrailersRoute, encodeUnchanged } from "../messages/answers.ts";
import type { ExtProcStream } from "../stream.ts";
import type { RequestMode } from "./request-mode.ts";
import type { ResponseMode } from "./response-mode.ts";

/**
 * BUFFERED: the headers are answered at once, and the body comes whole, in one message. Its answer carries the route
 * and the body that takes its place; trailers may follow.
 */
export const bufferedRequest: RequestMode = {
  decidesOn: "body",
  rest: "nothing",
  mayBeCut: false,
  sendRoute(stream, route, { readyWith, replacement }) {
    if (readyWith === "headers") {
      stream.send(encodeRoute("request_headers", route));
    } else if (readyWith === "trailers") {
      stream.send(encodeTrailersRoute(route));
    } else if (replacement === undefined) {
      stream.send(encodeRoute("request_body", route));
    } else {
      stream.send(encodeRoute("request_body", route, lengthOf(replacement)));
      for (const piece of replacement) stream.pass(piece);
    }
  },
};

/** BUFFERED_PARTIAL: as BUFFERED; of a body over the gateway's limit the beginning comes, and the rest never does. */
export const partialRequest: RequestMode = { ...bufferedRequest, mayBeCut: true };

/** STREAMED: each message of the body gets one answer. */
export const streamedResponse: ResponseMode = {
  body: "sent",
  isOneMessage: false,
  mayBeCut: false,
  isFree: false,
  pass(stream, _chunk, _endsStream, metadata) {
    stream.send(metadata.length === 0 ? unchanged : encodeUnchanged("response_body", metadata));
  },
  replace: replaceMessage,
};

/** BUFFERED: the body comes whole, in one message. */
export const bufferedResponse: ResponseMode = { ...streamedResponse, isOneMessage: true };

/** BUFFERED_PARTIAL: see {@link partialRequest}. */
export const partialResponse: ResponseMode = { ...bufferedResponse, mayBeCut: true };

const unchanged = Buffer.from(encodeUnchanged("response_body"));

function replaceMessage(
  stream: ExtProcStream,
  pieces: readonly Buffer[],
  _endsStream: boolean,
  metadata: Buffer,
): void {
  stream.send(encodeReplacedBody(lengthOf(pieces), metadata));
  for (const piece of pieces) stream.pass(piece);
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
