import { encodeChunkPrefix } from "../messages/answers.ts";
import type { ExtProcStream } from "../stream.ts";
import type { BodyMode } from "./body-mode.ts";

/** Longest chunk sent back, in bytes: some proxies take no message over 64 KiB. */
export const maxChunkBytes = 62_000;

/**
 * FULL_DUPLEX_STREAMED: the gateway keeps no copy of a body, so all of it is sent back, in chunks of any size; the last
 * one ends the body.
 */
export const fullDuplex: BodyMode = {
  seesResponseBody: true,
  answerRequestBody(stream, chunks, endsStream) {
    if (chunks.length > 0 || endsStream) streamChunks(stream, "request_body", chunks, endsStream);
  },
  answerResponseBody(stream, chunk, endsStream) {
    streamChunks(stream, "response_body", [chunk], endsStream);
  },
};

/** FULL_DUPLEX_STREAMED for the request alone. */
export const fullDuplexRequest: BodyMode = { ...fullDuplex, seesResponseBody: false };

/** Sends a body in pieces of at most {@link maxChunkBytes}; an empty body is one empty piece. */
function streamChunks(
  stream: ExtProcStream,
  part: "request_body" | "response_body",
  chunks: readonly Buffer[],
  endsStream: boolean,
): void {
  const pieces = splitBody(chunks, maxChunkBytes);
  pieces.forEach((piece, i) => {
    const bytes = piece.reduce((sum, { length }) => sum + length, 0);
    stream.send(encodeChunkPrefix(part, bytes, endsStream && i === pieces.length - 1));
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
