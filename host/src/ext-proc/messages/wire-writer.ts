import { frameHeaderBytes, writeFrameHeader } from "@outrider/transport";
import { wireTypes } from "./wire-reader.ts";

/**
 * Writes protobuf from its last byte to its first, so that a message's length is known when it is written. Fields of a
 * message are written in reverse; what lies between a mark and now is wrapped into one field or frame. One writer is
 * used again and again.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #at = this.#bytes.length;
  /** Bytes that will follow the result. */
  #tail = 0;

  /** Begins an empty result. Bytes that will follow it, `tailBytes` of them, count as written. */
  reset(tailBytes = 0): this {
    this.#at = this.#bytes.length;
    this.#tail = tailBytes;
    return this;
  }

  /** Bytes written so far, those that will follow included; the mark for `wrap` and `frame`. */
  get length(): number {
    return this.#bytes.length - this.#at + this.#tail;
  }

  /** Puts a varint field in front. */
  int(field: number, value: number): this {
    return this.#varint(value).#varint((field << 3) | wireTypes.varint);
  }

  /** Puts a `string` field in front. */
  text(field: number, value: string): this {
    const mark = this.length;
    this.#write(value);
    return this.wrap(field, mark);
  }

  /** Puts whole fields in front that were written before. */
  fields(bytes: Buffer): this {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    bytes.copy(this.#bytes, this.#at);
    return this;
  }

  /** Puts a `double` field in front. */
  double(field: number, value: number): this {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at - 8) - 8;
    return this.#varint((field << 3) | wireTypes.bit64);
  }

  /** Makes all that was written since `mark` the value of a message field. */
  wrap(field: number, mark: number): this {
    return this.#varint(this.length - mark).#varint((field << 3) | wireTypes.bytes);
  }

  /** Makes all that was written since `mark` a gRPC frame. */
  frame(mark: number): this {
    const length = this.length - mark;
    this.#reserve(frameHeaderBytes);
    this.#at -= frameHeaderBytes;
    writeFrameHeader(this.#bytes, this.#at, length);
    return this;
  }

  /** The result without what will follow it; good until the writer is used again. */
  view(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  #write(value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#at -= length;
    this.#bytes.write(value, this.#at);
  }

  #varint(value: number): this {
    this.#reserve(5);
    let size = 1;
    for (let rest = value; rest > 0x7f; rest >>>= 7) size++;
    this.#at -= size;
    let at = this.#at;
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
    return this;
  }

  #reserve(count: number): void {
    if (count <= this.#at) return;
    const used = this.#bytes.length - this.#at;
    const grown = Buffer.allocUnsafeSlow(2 * (used + count));
    this.#bytes.copy(grown, grown.length - used, this.#at);
    this.#bytes = grown;
    this.#at = grown.length - used;
  }
}
