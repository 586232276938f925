import { OutriderError } from "@outrider/core/contract";

/** Bytes in front of each gRPC message: a flag (0, uncompressed) and the length, big-endian. */
export const frameHeaderBytes = 5;

/** Largest message of the plugin contract. */
export const maxFrameBytes = 1024 * 1024;

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
 * Holds at most one message, in memory that grows with what has arrived and not with what a header announces.
 * @param maxBytes longest message accepted.
 */
export function createFrameDecoder(onMessage: (message: Buffer) => void, maxBytes = maxFrameBytes): FrameDecoder {
  const header = Buffer.alloc(frameHeaderBytes);
  let headerBytes = 0;
  let message = noBytes;
  let filledBytes = 0;
  let messageBytes = 0;

  /** Takes what the pending message still lacks from the chunk; returns where the rest of the chunk starts. */
  const fill = (chunk: Buffer) => {
    let at = 0;
    if (headerBytes < frameHeaderBytes) {
      at = chunk.copy(header, headerBytes);
      headerBytes += at;
      if (headerBytes < frameHeaderBytes) return at;
      messageBytes = checkHeader(header, 0, maxBytes);
    }
    const end = Math.min(chunk.length, at + messageBytes - filledBytes);
    message = grow(message, filledBytes, end - at, messageBytes);
    filledBytes += chunk.copy(message, filledBytes, at, end);
    if (filledBytes === messageBytes) finish();
    return end;
  };

  const finish = () => {
    const finished = message.subarray(0, filledBytes);
    message = noBytes;
    headerBytes = 0;
    filledBytes = 0;
    onMessage(finished);
  };

  return {
    push(chunk) {
      let at = headerBytes > 0 ? fill(chunk) : 0;
      while (headerBytes === 0) {
        const start = at + frameHeaderBytes;
        const end = frameEnd(chunk, at, maxBytes);
        if (end === 0) break;
        at = end;
        onMessage(chunk.subarray(start, end));
      }
      if (at < chunk.length) fill(chunk.subarray(at));
    },
    end() {
      if (headerBytes === 0) return;
      const held = headerBytes + filledBytes;
      throw new OutriderError("PROTOCOL_VIOLATION", `stream ended inside a frame, after ${held} bytes of it`);
    },
    get pendingBytes() {
      return headerBytes + filledBytes;
    },
  };
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

/** Room for `addedBytes` more, doubling up to what the message will need. */
function grow(buffer: Buffer, filledBytes: number, addedBytes: number, wantedBytes: number): Buffer {
  const neededBytes = filledBytes + addedBytes;
  if (neededBytes <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafe(Math.min(wantedBytes, Math.max(neededBytes, 2 * buffer.length)));
  buffer.copy(larger, 0, 0, filledBytes);
  return larger;
}
