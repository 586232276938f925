import { encodeChunkPrefix, encodeRoute, noMetadata } from "../messages/answers.ts";
import type { ExtProcStream } from "../stream.ts";
import type { RequestMode } from "./request-mode.ts";
import type { ResponseMode } from "./response-mode.ts";

/** Longest chunk sent back, in bytes: some proxies take no message over 64 KiB. */
export const maxChunkBytes = 62_000;

/**
 * FULL_DUPLEX_STREAMED: the gateway keeps no copy of a body, so all of it is sent back, in chunks of any size; the last
 * one ends the body. The route is told in front of it.
 */
export const fullDuplexRequest: RequestMode = {
  decidesOn: "all",
  rest: "nothing",
  mayBeCut: false,
  sendRoute(stream, route, { readyWith, chunks, replacement = chunks }) {
    stream.send(encodeRoute("request_headers", route));
    const endsStream = readyWith === "body";
    if (endsStream || replacement.length > 0) streamChunks(stream, "request_body", replacement, endsStream);
  },
};

/** FULL_DUPLEX_STREAMED, see {@link fullDuplexRequest}: a chunk changed to nothing gets no answer at all. */
export const fullDuplexResponse: ResponseMode = {
  body: "sent",
  isOneMessage: false,
  mayBeCut: false,
  isFree: true,
  pass(stream, chunk, endsStream, metadata) {
    if (chunk.length > maxChunkBytes) streamChunks(stream, "response_body", [chunk], endsStream, metadata);
    else sendChunk(stream, chunk, endsStream, metadata);
  },
  replace(stream, pieces, endsStream, metadata) {
    if (endsStream || pieces.length > 0) streamChunks(stream, "response_body", pieces, endsStream, metadata);
  },
};

function sendChunk(stream: ExtProcStream, chunk: Buffer, isLast: boolean, metadata: Buffer): void {
  stream.send(encodeChunkPrefix("response_body", chunk.length, isLast, metadata));
  stream.pass(chunk);
}

/** Sends a body in pieces of at most {@link maxChunkBytes}; an empty body is one empty piece. */
function streamChunks(
  stream: ExtProcStream,
  part: "request_body" | "response_body",
  chunks: readonly Buffer[],
  endsStream: boolean,
  metadata = noMetadata,
): void {
  const pieces = splitBody(chunks, maxChunkBytes);
  pieces.forEach((piece, i) => {
    const bytes = piece.reduce((sum, { length }) => sum + length, 0);
    const isLast = i === pieces.length - 1;
    stream.send(encodeChunkPrefix(part, bytes, endsStream && isLast, isLast ? metadata : noMetadata));
    for (const view of piece) stream.pass(view);
  });
}

/** A body as pieces of at most `maxBytes`, all full but the last; each as views of the chunks. Never no piece. */
export function splitBody(chunks: readonly Buffer[], maxBytes: number): readonly (readonly Buffer[])[] {
  if (chunks.length === 1 && (chunks[0]?.length ?? 0) <= maxBytes) return [chunks];
  let piece: Buffer[] = [];
  let room = maxBytes;
  const pieces = [piece];
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (room === 0) {
        piece = [];
        pieces.push(piece);
        room = maxBytes;
      }
      const view = chunk.subarray(at, at + room);
      piece.push(view);
      at += view.length;
      room -= view.length;
    }
  }
  return pieces;
}
