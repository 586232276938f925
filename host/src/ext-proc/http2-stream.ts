import { constants, type ServerHttp2Stream } from "node:http2";
import { OutriderError } from "@outrider/core";
import { createFrameDecoder, type FrameDecoder, FrameTooLarge, frameEnd, frameHeaderBytes } from "@outrider/transport";
import { beginCall, endCall, respondTrailersOnly } from "./grpc-http2.ts";
import { OutQueue } from "./out-queue.ts";
import type { ExtProcPeer, ExtProcStream } from "./stream.ts";

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
  http2Stream.on("aborted", dropReset);
  const carried = new CarriedStream(http2Stream, maxMessageBytes);
  const peer = accept(carried);
  carried.peer = peer;
  http2Stream.on("data", (chunk: Buffer) => carried.receive(chunk));
  http2Stream.on("end", () => carried.receiveEnd());
  http2Stream.on("close", () => peer.closed());
}

/** Stands for every reset: an error with a stack trace for each would be a fifth of the server's CPU. */
const resetByPeer = new Error("the stream was reset by the gateway");

/**
 * Destroys a stream in the middle of Node's own handling of the reset, which would make two errors: one to destroy the
 * stream with, and one because it ends a stream that is destroyed.
 */
function dropReset(this: ServerHttp2Stream): void {
  if (this.rstCode === constants.NGHTTP2_NO_ERROR) return;
  this.destroy(resetByPeer);
  this.end = () => this;
}

class CarriedStream implements ExtProcStream {
  peer: ExtProcPeer | undefined;
  readonly #http2: ServerHttp2Stream;
  readonly #maxMessageBytes: number;
  readonly #queue = new OutQueue();
  /** Puts messages together that come in several chunks; most streams have none. */
  #decoder: FrameDecoder | undefined;
  #ended = false;

  constructor(http2Stream: ServerHttp2Stream, maxMessageBytes: number) {
    this.#http2 = http2Stream;
    this.#maxMessageBytes = maxMessageBytes;
  }

  receive(chunk: Buffer): void {
    try {
      const rest = this.#decoder === undefined ? this.#receiveWhole(chunk) : 0;
      if (rest < chunk.length && !this.#ended) this.#receiveRest(chunk, rest);
    } catch (error) {
      this.#fail(error);
    }
    this.flush();
  }

  receiveEnd(): void {
    if (this.#ended) return;
    try {
      this.#decoder?.end();
      this.peer?.halfClosed();
    } catch (error) {
      this.#fail(error);
    }
    this.flush();
  }

  send(bytes: Buffer): void {
    this.#queue.copy(bytes);
  }

  pass(bytes: Buffer): void {
    this.#queue.keep(bytes);
  }

  flush(): void {
    if (this.#queue.isEmpty) return;
    const pieces = this.#queue.take();
    const http2Stream = this.#http2;
    if (http2Stream.destroyed || http2Stream.closed || http2Stream.writableEnded) return;
    if (!http2Stream.headersSent) beginCall(http2Stream);
    if (!writeAll(http2Stream, pieces)) this.#waitForDrain();
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
    this.#http2.close(constants.NGHTTP2_CANCEL);
  }

  /** Hands on the messages that lie within the chunk; returns where the rest of it begins. */
  #receiveWhole(chunk: Buffer): number {
    let at = 0;
    while (!this.#ended) {
      const end = frameEnd(chunk, at, this.#maxMessageBytes);
      if (end === 0) break;
      this.peer?.message(chunk, at + frameHeaderBytes, end);
      at = end;
    }
    return at;
  }

  #receiveRest(chunk: Buffer, from: number): void {
    this.#decoder ??= createFrameDecoder((message) => {
      if (!this.#ended) this.peer?.message(message, 0, message.length);
    }, this.#maxMessageBytes);
    this.#decoder.push(from === 0 ? chunk : chunk.subarray(from));
    if (this.#decoder.pendingBytes === 0) this.#decoder = undefined;
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

/** One write, or one gathered write; false where the other side does not keep up. */
function writeAll(http2Stream: ServerHttp2Stream, pieces: readonly Buffer[]): boolean {
  if (pieces.length === 1) return http2Stream.write(pieces[0]);
  http2Stream.cork();
  for (const piece of pieces) http2Stream.write(piece);
  http2Stream.uncork();
  return !http2Stream.writableNeedDrain;
}
