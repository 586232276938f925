import { setBit } from "./bitmap.ts";

/** Memory of the frames in progress and of those on their way out, which a stream may still be reading. */
const slabBytes = 64 * 1024;

/** Protobuf wire types. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

const noBytes = new Uint8Array(0);
const scratch = new DataView(new ArrayBuffer(8));

/**
 * Writes protobuf into slabs that are used up front to back and never written twice, so that what has been sent stays
 * as it is. Fields at their default are left out. Call `ensure` before writing: nothing else checks the room.
 * Numbers are little-endian on the wire and, on all machines this runs on, in memory.
 */
export class WireWriter {
  /** Slab in use. */
  bytes: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  /** Where the next byte goes. */
  at = 0;
  /** Where the message in progress begins. */
  start = 0;

  /** Makes room for `count` bytes; may move the message in progress, and `start` and `at` with it. */
  ensure(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const heldBytes = this.at - this.start;
    const slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, 2 * (heldBytes + count)));
    this.bytes.copy(slab, 0, this.start, this.at);
    this.bytes = slab;
    this.start = 0;
    this.at = heldBytes;
  }

  /** Begins a message behind what has been written, leaving room for `count` bytes in front of it. */
  begin(count: number): void {
    this.start = this.at;
    this.ensure(count);
    this.at += count;
  }

  varint(value: number): void {
    let rest = value >>> 0;
    while (rest > 127) {
      this.bytes[this.at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }

  uint32(field: number, value: number): void {
    if (value >>> 0 === 0) return;
    this.varint((field << 3) | wireType.varint);
    this.varint(value);
  }

  sint32(field: number, value: number): void {
    this.uint32(field, (value << 1) ^ (value >> 31));
  }

  double(field: number, value: number): void {
    if (Object.is(value, 0)) return;
    this.varint((field << 3) | wireType.fixed64);
    scratch.setFloat64(0, value, true);
    for (let i = 0; i < 8; i += 1) this.bytes[this.at++] = scratch.getUint8(i);
  }

  /** Text, at most `maxBytes` of it, cut at a character; needs room for {@link textRoom}. */
  string(field: number, text: string, maxBytes = Number.POSITIVE_INFINITY): void {
    if (text === "" || maxBytes <= 0) return;
    this.varint((field << 3) | wireType.bytes);
    const lengthAt = this.at;
    const reserved = varintBytes(text.length);
    this.at += reserved;
    const cap = Math.min(maxBytes, this.bytes.length - this.at);
    const byteCount = writeText(this.bytes, this.at, text, cap);
    this.at += byteCount;
    this.#insertLength(lengthAt, reserved, byteCount);
  }

  blob(field: number, blob: Uint8Array): void {
    if (blob.length === 0) return;
    this.varint((field << 3) | wireType.bytes);
    this.varint(blob.length);
    this.bytes.set(blob, this.at);
    this.at += blob.length;
  }

  /** Bytes of a typed array as a `bytes` or packed field. */
  packed(field: number, values: Float32Array | Uint32Array): void {
    if (values.length === 0) return;
    this.blob(field, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  /** Floats with 0 in place of `NaN`; returns a bitmap of the positions that are `NaN`, empty where none is. */
  knownFloats(field: number, values: Float32Array): Uint8Array {
    this.packed(field, values);
    const valuesAt = this.at - values.byteLength;
    let unknown = noBytes;
    for (let i = 0; i < values.length; i += 1) {
      if (!Number.isNaN(values[i])) continue;
      if (unknown.length === 0) unknown = new Uint8Array((values.length + 7) >> 3);
      setBit(unknown, i);
      this.bytes.fill(0, valuesAt + 4 * i, valuesAt + 4 * i + 4);
    }
    return unknown;
  }

  /** Opens a nested message; give what it returns to {@link close}. */
  open(field: number): number {
    this.varint((field << 3) | wireType.bytes);
    this.at += 1;
    return this.at - 1;
  }

  close(lengthAt: number): void {
    this.#insertLength(lengthAt, 1, this.at - lengthAt - 1);
  }

  /** Puts the length of what was just written in front of it, where `reserved` bytes were left for it. */
  #insertLength(lengthAt: number, reserved: number, byteCount: number): void {
    const shift = varintBytes(byteCount) - reserved;
    const contentAt = lengthAt + reserved;
    if (shift !== 0) this.bytes.copyWithin(contentAt + shift, contentAt, contentAt + byteCount);
    this.at = lengthAt;
    this.varint(byteCount);
    this.at += byteCount;
  }
}

/** Bytes of a varint. */
export function varintBytes(value: number): number {
  if (value < 1 << 7) return 1;
  if (value < 1 << 14) return 2;
  if (value < 1 << 21) return 3;
  return value < 1 << 28 ? 4 : 5;
}

/** Room that a string field may need. */
export function textRoom(text: string, maxBytes = Number.POSITIVE_INFINITY): number {
  return 12 + Math.min(maxBytes, 3 * text.length);
}

/** Short plain text byte by byte, which beats the call into the runtime; returns the bytes written. */
function writeText(target: Buffer, at: number, text: string, maxBytes: number): number {
  if (text.length > 48 || text.length > maxBytes) return target.write(text, at, maxBytes, "utf8");
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 127) return target.write(text, at, maxBytes, "utf8");
    target[at + i] = code;
  }
  return text.length;
}
