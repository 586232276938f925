import { OutriderError } from "@outrider/core/contract";

/** Bytes in front of each gRPC message: a flag (0, uncompressed) and the length, big-endian. */
export const frameHeaderBytes = 5;

/** Largest message of the plugin contract. */
export const maxFrameBytes = 1024 * 1024;

/** From here on a message gets memory of its own: one in Node's pool would keep 64 kB alive for as long as it is kept. */
const pooledBytes = 1_024;

const noBytes: Buffer = Buffer.alloc(0);

/** `PROTOCOL_VIOLATION`: a message announces more bytes than are accepted. */
export class FrameTooLarge extends OutriderError {
  constructor(messageBytes: number, maxBytes: number) {
    super("PROTOCOL_VIOLATION", `frame of ${messageBytes} bytes: at most ${maxBytes} are accepted`);
  }
}

/** Takes a gRPC body apart into messages, whatever chunks it arrives in. */
export interface FrameDecoder {
  /**
   * Hands every message that is complete now to `onMessage`, in order. A message within one chunk is a view of it, one
   * across chunks is a buffer of its own.
   * @throws {OutriderError} `PROTOCOL_VIOLATION` for a compressed message, {@link FrameTooLarge} for an oversize one; the
   *   body is unusable then.
   */
  push(chunk: Buffer): void;
  /** The body has ended. @throws {OutriderError} `PROTOCOL_VIOLATION` when it ends inside a message. */
  end(): void;
  /** Bytes held of a message that is not yet complete, its header included. */
  readonly pendingBytes: number;
}

/**
 * Holds at most one message, in memory of the length that its header announces: pages of it that do not come are not
 * resident.
 * @param maxBytes longest message accepted.
 * @param onPartial called when a message begins that does not lie within one chunk, before memory is taken for it; what
 *   it throws is thrown by `push`, and the body is unusable then.
 */
export function createFrameDecoder(
  onMessage: (message: Buffer) => void,
  maxBytes = maxFrameBytes,
  onPartial?: (messageBytes: number) => void,
): FrameDecoder {
  return new Decoder(onMessage, maxBytes, onPartial);
}

class Decoder implements FrameDecoder {
  readonly #onMessage: (message: Buffer) => void;
  readonly #maxBytes: number;
  readonly #onPartial: ((messageBytes: number) => void) | undefined;
  readonly #header: Buffer = Buffer.allocUnsafe(frameHeaderBytes);
  #headerBytes = 0;
  /** The pending message, once its header is there. */
  #message = noBytes;
  #filledBytes = 0;

  constructor(
    onMessage: (message: Buffer) => void,
    maxBytes: number,
    onPartial: ((messageBytes: number) => void) | undefined,
  ) {
    this.#onMessage = onMessage;
    this.#maxBytes = maxBytes;
    this.#onPartial = onPartial;
  }

  push(chunk: Buffer): void {
    let at = this.#headerBytes > 0 ? this.#fill(chunk, 0) : 0;
    while (this.#headerBytes === 0) {
      const end = frameEnd(chunk, at, this.#maxBytes);
      if (end === 0) break;
      const start = at + frameHeaderBytes;
      at = end;
      this.#onMessage(chunk.subarray(start, end));
    }
    if (at < chunk.length) this.#fill(chunk, at);
  }

  end(): void {
    if (this.#headerBytes === 0) return;
    throw new OutriderError(
      "PROTOCOL_VIOLATION",
      `stream ended inside a frame, after ${this.pendingBytes} bytes of it`,
    );
  }

  get pendingBytes(): number {
    return this.#headerBytes + this.#filledBytes;
  }

  /** Takes what the pending message still lacks from the chunk; returns where the rest of the chunk starts. */
  #fill(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#headerBytes < frameHeaderBytes) {
      const copied = chunk.copy(this.#header, this.#headerBytes, at);
      at += copied;
      this.#headerBytes += copied;
      if (this.#headerBytes < frameHeaderBytes) return at;
      this.#begin(checkHeader(this.#header, 0, this.#maxBytes));
    }
    const copied = chunk.copy(this.#message, this.#filledBytes, at);
    this.#filledBytes += copied;
    if (this.#filledBytes === this.#message.length) this.#finish();
    return at + copied;
  }

  #begin(messageBytes: number): void {
    this.#onPartial?.(messageBytes);
    this.#message =
      messageBytes < pooledBytes ? Buffer.allocUnsafe(messageBytes) : Buffer.allocUnsafeSlow(messageBytes);
  }

  #finish(): void {
    const message = this.#message;
    this.#message = noBytes;
    this.#headerBytes = 0;
    this.#filledBytes = 0;
    this.#onMessage(message);
  }
}

/**
 * Where the message whose frame begins at `at` ends; 0 where the chunk does not hold all of it.
 * @throws {OutriderError} as {@link FrameDecoder.push}.
 */
export function frameEnd(chunk: Buffer, at: number, maxBytes: number): number {
  if (chunk.length - at < frameHeaderBytes) return 0;
  const end = at + frameHeaderBytes + checkHeader(chunk, at, maxBytes);
  return end > chunk.length ? 0 : end;
}

/** A message with its header, in one buffer. */
export function encodeFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + message.length);
  writeFrameHeader(frame, 0, message.length);
  frame.set(message, frameHeaderBytes);
  return frame;
}

/** Writes the header of a message of `messageBytes` at `at`. */
export function writeFrameHeader(target: Uint8Array, at: number, messageBytes: number): void {
  target[at] = 0;
  target[at + 1] = messageBytes >>> 24;
  target[at + 2] = messageBytes >>> 16;
  target[at + 3] = messageBytes >>> 8;
  target[at + 4] = messageBytes;
}

/** Length of the message that a whole header announces. */
function checkHeader(bytes: Buffer, at: number, maxBytes: number): number {
  if (bytes[at] !== 0) {
    throw new OutriderError("PROTOCOL_VIOLATION", `frame with flags ${bytes[at]}: compression is not accepted`);
  }
  const length = bytes.readUInt32BE(at + 1);
  if (length > maxBytes) {
    throw new FrameTooLarge(length, maxBytes);
  }
  return length;
}
