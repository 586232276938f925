import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ServerFaults } from "./faults.ts";

/** Name of the trailer that inference answers carry on demand: tokens generated. */
const tokensTrailer = "x-generated-tokens";

const resetDelayMs = 20;

/** Answers with JSON, whole. */
export function sendJson(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(json) });
  response.end(json);
}

/** Sends the headers of a stream of events, as vLLM does long before the first token; a hung server sends none yet. */
export function openStream(response: ServerResponse, { hang, trailers }: ServerFaults): void {
  response.setHeader("content-type", "text/event-stream; charset=utf-8");
  if (trailers === true) response.setHeader("trailer", tokensTrailer);
  if (hang !== true) response.flushHeaders();
}

/** Ends an answer with trailers; its headers, if not sent yet, become those of JSON. */
export function endWithTrailers(response: ServerResponse, text: string, outputTokens: number): void {
  if (!response.headersSent && !response.hasHeader("content-type")) {
    response.setHeader("content-type", "application/json");
    response.setHeader("trailer", tokensTrailer);
  }
  response.write(text);
  response.addTrailers({ [tokensTrailer]: String(outputTokens) });
  response.end();
}

/** Closes the connection of a request, behind what is still open on it. */
export function closeConnection(request: IncomingMessage): void {
  const either: unknown = request;
  if (either instanceof Http2ServerRequest) either.stream.session?.close();
  else request.socket.end();
}

/**
 * Cuts the connection by a TCP reset, after a moment to read what came before: a reset drops what is unread. Over HTTP/2
 * it is the stream that is reset.
 */
export function resetConnection(response: ServerResponse): void {
  const either: unknown = response;
  const { socket } = response;
  if (either instanceof Http2ServerResponse) {
    const { stream } = either;
    setTimeout(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR), resetDelayMs);
  } else if (socket !== null) {
    setTimeout(() => socket.resetAndDestroy(), resetDelayMs);
  }
}
