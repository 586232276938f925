import { constants, type ServerHttp2Stream } from "node:http2";
import { OutriderError } from "@outrider/core";
import { createFrameDecoder, type FrameDecoder, FrameTooLarge, frameEnd, frameHeaderBytes } from "@outrider/transport";
import type { HeldBytes } from "../doors/held-bytes.ts";
import { canEndAtOnce, endAtOnce } from "./end-at-once.ts";
import { beginCall, endCall, respondTrailersOnly } from "./grpc-http2.ts";
import { OutQueue } from "./out-queue.ts";
import { type ExtProcPeer, type ExtProcStream, grpcStatus } from "./stream.ts";

/** What bounds the memory of a carried stream. */
export interface CarriedLimits {
  /** Longest message accepted. */
  readonly maxMessageBytes: number;
  /** Counts the message that is coming in, if it comes in pieces, and what the other side is slow to read. */
  readonly held: HeldBytes;
}

/**
 * Carries an ext_proc stream over one stream of `node:http2`. A gateway resets its streams also after a complete
 * exchange, so errors of the stream say nothing; what counts is `close`, which always comes.
 * @param accept builds the peer; called at once.
 */
export function carryHttp2Stream(
  http2Stream: ServerHttp2Stream,
  limits: CarriedLimits,
  accept: (stream: ExtProcStream) => ExtProcPeer,
): void {
  http2Stream.on("aborted", dropReset);
  const carried = new CarriedStream(http2Stream, limits);
  const peer = accept(carried);
  carried.peer = peer;
  http2Stream.on("data", (chunk: Buffer) => carried.receive(chunk));
  http2Stream.on("end", () => carried.receiveEnd());
  http2Stream.on("close", () => carried.closed());
}

/**
 * A message of a request that is small within a large read is copied: requests are held, and a view of it would keep all
 * of the read for as long, with the messages of many streams in it.
 */
const largeReadBytes = 16_384;
const smallShare = 1 / 4;
const pooledBytes = 1_024;

/** Stands for every reset: an error with a stack trace for each would be a fifth of the server's CPU. */
const resetByPeer = new Error("the stream was reset by the gateway");

/**
 * Destroys a stream in the middle of Node's own handling of the gateway's reset, which would make two errors: one to
 * destroy the stream with, and one because it ends a stream that is destroyed. A reset of our own must not come here: it
 * would never leave.
 */
function dropReset(this: ServerHttp2Stream): void {
  if (this.rstCode === constants.NGHTTP2_NO_ERROR) return;
  this.destroy(resetByPeer);
  this.end = () => this;
}

/** No room is left to hold a message. */
class NoRoom extends Error {}

class CarriedStream implements ExtProcStream {
  peer: ExtProcPeer | undefined;
  readonly #http2: ServerHttp2Stream;
  readonly #limits: CarriedLimits;
  readonly #queue = new OutQueue();
  /** Puts messages together that come in several chunks; most streams have none. */
  #decoder: FrameDecoder | undefined;
  /** Held for the message that is coming in. */
  #pendingBytes = 0;
  /** Held for what waits to be read by the other side; nothing more is read from it meanwhile. */
  #unreadBytes = 0;
  #isBlocked = false;
  /** Whether what is queued leaves with the end, in a moment. */
  #isEnding = false;
  #ended = false;

  constructor(http2Stream: ServerHttp2Stream, limits: CarriedLimits) {
    this.#http2 = http2Stream;
    this.#limits = limits;
  }

  receive(chunk: Buffer): void {
    try {
      const rest = this.#isWithinMessage ? 0 : this.#receiveWhole(chunk);
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

  closed(): void {
    this.#ended = true;
    this.#dropPending();
    this.#holdUnread(0);
    this.peer?.closed();
  }

  send(bytes: Buffer): void {
    this.#queue.copy(bytes);
  }

  pass(bytes: Buffer): void {
    this.#queue.keep(bytes);
  }

  flush(): void {
    if (this.#queue.isEmpty || this.#isEnding) return;
    const pieces = this.#queue.take();
    const http2Stream = this.#http2;
    if (http2Stream.destroyed || http2Stream.closed || http2Stream.writableEnded) return;
    if (!http2Stream.headersSent) beginCall(http2Stream);
    if (!writeAll(http2Stream, pieces)) this.#waitForReader();
  }

  end(status: number, message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#dropPending();
    if (status === grpcStatus.ok && this.#isWriting) this.#endBehindWrite(message);
    else this.#end(status, message);
  }

  get endsAtOnce(): boolean {
    return canEndAtOnce(this.#http2);
  }

  get #isWriting(): boolean {
    return !this.#queue.isEmpty && this.#http2.writableLength > 0;
  }

  /** What is queued waits for the write before it, a turn of the event loop as a rule, to leave in one piece with the end. */
  #endBehindWrite(message: string): void {
    this.#isEnding = true;
    setImmediate(() => {
      this.#isEnding = false;
      this.#end(grpcStatus.ok, message);
    });
  }

  #end(status: number, message: string): void {
    if (status === grpcStatus.ok && this.#endAtOnce()) return;
    this.flush();
    if (this.#http2.headersSent) endCall(this.#http2, status, message);
    else respondTrailersOnly(this.#http2, status, message);
  }

  #endAtOnce(): boolean {
    if (this.#queue.isEmpty || !canEndAtOnce(this.#http2)) return false;
    if (!this.#http2.headersSent) beginCall(this.#http2);
    const pieces = this.#queue.take();
    this.#holdUnread(pieces.reduce((sum, { length }) => sum + length, 0));
    return endAtOnce(this.#http2, pieces, () => this.#holdUnread(0));
  }

  abort(): void {
    this.#ended = true;
    this.#dropPending();
    this.#http2.off("aborted", dropReset);
    this.#http2.close(constants.NGHTTP2_CANCEL);
  }

  /** Hands on the messages that lie within the chunk; returns where the rest of it begins. */
  #receiveWhole(chunk: Buffer): number {
    let at = 0;
    while (!this.#ended) {
      const end = frameEnd(chunk, at, this.#limits.maxMessageBytes);
      if (end === 0) break;
      this.#handOn(chunk, at + frameHeaderBytes, end);
      at = end;
    }
    return at;
  }

  #handOn(chunk: Buffer, from: number, to: number): void {
    const readBytes = chunk.buffer.byteLength;
    if (readBytes < largeReadBytes || to - from > readBytes * smallShare || this.peer?.isResponding) {
      this.peer?.message(chunk, from, to);
    } else {
      this.peer?.message(copyOf(chunk, from, to), 0, to - from);
    }
  }

  get #isWithinMessage(): boolean {
    return this.#decoder !== undefined && this.#decoder.pendingBytes > 0;
  }

  #receiveRest(chunk: Buffer, from: number): void {
    this.#decoder ??= createFrameDecoder(
      (message) => this.#receiveMessage(message),
      this.#limits.maxMessageBytes,
      (messageBytes) => this.#holdPending(messageBytes),
    );
    this.#decoder.push(from === 0 ? chunk : chunk.subarray(from));
  }

  #holdPending(messageBytes: number): void {
    const { held } = this.#limits;
    if (this.peer?.isResponding) held.keep(messageBytes);
    else if (!held.take(messageBytes)) throw new NoRoom(`no room to hold a message of ${messageBytes} bytes`);
    this.#pendingBytes = messageBytes;
  }

  /** The peer holds what it keeps of the message. */
  #receiveMessage(message: Buffer): void {
    this.#limits.held.give(this.#pendingBytes);
    this.#pendingBytes = 0;
    if (!this.#ended) this.#handOn(message, 0, message.length);
  }

  #dropPending(): void {
    this.#decoder = undefined;
    this.#limits.held.give(this.#pendingBytes);
    this.#pendingBytes = 0;
  }

  /** Nothing more is read until the other side has read what was sent. */
  #waitForReader(): void {
    this.#holdUnread(this.#http2.writableLength);
    if (this.#isBlocked) return;
    this.#isBlocked = true;
    this.#http2.pause();
    this.#http2.once("drain", () => {
      this.#isBlocked = false;
      this.#holdUnread(0);
      this.#http2.resume();
    });
  }

  #holdUnread(bytes: number): void {
    const { held } = this.#limits;
    held.give(this.#unreadBytes);
    held.keep(bytes);
    this.#unreadBytes = bytes;
  }

  #fail(error: unknown): void {
    if (error instanceof NoRoom) this.peer?.broken("held", error.message);
    else if (error instanceof FrameTooLarge) this.peer?.broken("oversize", error.message);
    else if (error instanceof OutriderError) this.peer?.broken("malformed", error.message);
    else throw error;
  }
}

/** In the pool of Node's small buffers where it is small, and in memory of its own otherwise. */
function copyOf(chunk: Buffer, from: number, to: number): Buffer {
  const bytes = to - from;
  const copy = bytes < pooledBytes ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
  chunk.copy(copy, 0, from, to);
  return copy;
}

/** One write, or one gathered write; false where the other side does not keep up. */
function writeAll(http2Stream: ServerHttp2Stream, pieces: readonly Buffer[]): boolean {
  if (pieces.length === 1) return http2Stream.write(pieces[0]);
  http2Stream.cork();
  for (const piece of pieces) http2Stream.write(piece);
  http2Stream.uncork();
  return !http2Stream.writableNeedDrain;
}
