import type { ServerHttp2Stream } from "node:http2";
import { OutriderError } from "@outrider/core";
import { createFrameDecoder, type FrameDecoder, FrameTooLarge } from "@outrider/transport";
import { endCall, respondTrailersOnly, responseHeaders } from "./grpc-http2.ts";
import type { ExtProcPeer, ExtProcStream } from "./stream.ts";

/** Pieces that are joined into one write; larger ones leave as they are. */
const joinedBytes = 16_384;

/**
 * Carries an ext_proc stream over one stream of `node:http2`. A gateway resets its streams also after a complete
 * exchange, so errors of the stream say nothing; what counts is `close`, which always comes.
 * @param accept builds the peer; called at once.
 * @param maxMessageBytes longest message accepted.
 */
export function carryHttp2Stream(
  http2Stream: ServerHttp2Stream,
  maxMessageBytes: number,
  accept: (stream: ExtProcStream) => ExtProcPeer,
): void {
  http2Stream.on("error", ignore);
  const carried = new CarriedStream(http2Stream, maxMessageBytes);
  const peer = accept(carried);
  carried.peer = peer;
  http2Stream.on("data", (chunk: Buffer) => carried.receive(chunk));
  http2Stream.on("end", () => carried.receiveEnd());
  http2Stream.on("close", () => peer.closed());
}

function ignore(): void {}

class CarriedStream implements ExtProcStream {
  peer: ExtProcPeer | undefined;
  readonly #http2: ServerHttp2Stream;
  readonly #decoder: FrameDecoder;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #ended = false;

  constructor(http2Stream: ServerHttp2Stream, maxMessageBytes: number) {
    this.#http2 = http2Stream;
    this.#decoder = createFrameDecoder((message) => {
      if (!this.#ended) this.peer?.message(message);
    }, maxMessageBytes);
  }

  receive(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      this.#fail(error);
    }
    this.flush();
  }

  receiveEnd(): void {
    if (this.#ended) return;
    try {
      this.#decoder.end();
      this.peer?.halfClosed();
    } catch (error) {
      this.#fail(error);
    }
    this.flush();
  }

  send(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  flush(): void {
    if (this.#queue.length === 0) return;
    const queue = this.#queue;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    const http2Stream = this.#http2;
    if (http2Stream.destroyed || http2Stream.closed || http2Stream.writableEnded) return;
    if (!http2Stream.headersSent) http2Stream.respond(responseHeaders, { waitForTrailers: true });
    if (!writeAll(http2Stream, queue, bytes)) this.#waitForDrain();
  }

  end(status: number, message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.flush();
    if (this.#http2.headersSent) endCall(this.#http2, status, message);
    else respondTrailersOnly(this.#http2, status, message);
  }

  abort(): void {
    this.#ended = true;
    this.#http2.close();
  }

  /** Nothing more is read until the other side has read what was sent. */
  #waitForDrain(): void {
    this.#http2.pause();
    this.#http2.once("drain", () => this.#http2.resume());
  }

  #fail(error: unknown): void {
    if (!(error instanceof OutriderError)) throw error;
    this.peer?.broken(error instanceof FrameTooLarge ? "oversize" : "malformed", error.message);
  }
}

/** One write where it is small, one gathered write where it is not; false where the other side does not keep up. */
function writeAll(http2Stream: ServerHttp2Stream, queue: readonly Buffer[], bytes: number): boolean {
  if (queue.length === 1) return http2Stream.write(queue[0]);
  if (bytes <= joinedBytes) return http2Stream.write(Buffer.concat(queue, bytes));
  http2Stream.cork();
  for (const piece of queue) http2Stream.write(piece);
  http2Stream.uncork();
  return !http2Stream.writableNeedDrain;
}
