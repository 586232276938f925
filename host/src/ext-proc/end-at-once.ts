import type { ServerHttp2Stream } from "node:http2";

/** Status 0 as Node hands headers to its HTTP/2 library: name, value and flags, a NUL behind each; and their count. */
const statusOk = ["grpc-status\0" + "0\0\0", 1] as const;

/** What Node keeps to itself of a stream. */
interface Handle {
  trailers(headers: readonly [string, number]): number;
}

/**
 * Sends a call's last bytes and its end, with status 0, in one write. Node sends trailers two turns of the event loop
 * behind the last bytes; meanwhile a gateway may have got the response of a fast model server and handed its body over
 * to a stream that ends, which loses it. That takes two things that Node keeps to itself.
 * @param sent called when the bytes have left.
 * @returns false, and nothing has happened, where this Node has them not, or earlier bytes still wait to be sent.
 */
export function endAtOnce(stream: ServerHttp2Stream, pieces: readonly Buffer[], sent: () => void): boolean {
  const handle = canEndAtOnce(stream) ? handleOf(stream) : undefined;
  if (handle === undefined) return false;
  stream.once("wantTrailers", () => void handle.trailers(statusOk));
  // A write that the stream does not know of is not waited for by its end.
  stream._writev?.(
    pieces.map((chunk) => ({ chunk, encoding: "buffer" as BufferEncoding })),
    sent,
  );
  stream.end();
  return true;
}

/** Whether {@link endAtOnce} would do it now. */
export function canEndAtOnce(stream: ServerHttp2Stream): boolean {
  return stream.writableLength === 0 && !stream.writableEnded && !stream.destroyed && handleOf(stream) !== undefined;
}

let handleKey: symbol | undefined;

function handleOf(stream: ServerHttp2Stream): Handle | undefined {
  handleKey ??= Object.getOwnPropertySymbols(stream).find(({ description }) => description === "kHandle");
  const handle: unknown = handleKey === undefined ? undefined : Reflect.get(stream, handleKey);
  return isHandle(handle) && stream._writev !== undefined ? handle : undefined;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "trailers") === "function";
}
