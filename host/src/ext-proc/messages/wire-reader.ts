import { OutriderError } from "@outrider/core";

/** How a field's value is laid out on the wire. */
export const wireTypes = { varint: 0, bit64: 1, bytes: 2, startGroup: 3, endGroup: 4, bit32: 5 } as const;

/** Groups within groups that are still skipped. */
const deepestGroup = 100;

/**
 * Walks the fields of one protobuf message in place, without an object a field: `next` moves on, the members tell where
 * the field is. One reader may be opened again and again.
 */
export class WireReader {
  /** Number of the current field. */
  field = 0;
  /** Wire type of the current field; see {@link wireTypes}. */
  wireType = 0;
  /** Low 32 bits of the current field where it is a varint, as a signed number. */
  int = 0;
  /** Whether the current field is a varint other than 0. */
  flag = false;
  /** First byte of the current field's value where it has a length. */
  from = 0;
  /** Byte behind the value. */
  to = 0;

  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #end = 0;
  /** Bits of the last varint above the low 32. */
  #high = 0;

  /** Begins at the message that fills `bytes` from `from` to `to`. */
  open(bytes: Uint8Array, from: number, to: number): this {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    return this;
  }

  /**
   * Moves to the next field; false at the end of the message.
   * @throws {OutriderError} `PROTOCOL_VIOLATION` where the bytes are no message.
   */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    this.#readTag();
    this.#readValue(0);
    return true;
  }

  /** Whether the current field is the one asked for and has a length. */
  isBytes(field: number): boolean {
    return this.field === field && this.wireType === wireTypes.bytes;
  }

  /** Whether the current field is the one asked for and is a varint. */
  isVarint(field: number): boolean {
    return this.field === field && this.wireType === wireTypes.varint;
  }

  #readTag(): void {
    this.#readVarint();
    this.field = this.int >>> 3;
    this.wireType = this.int & 7;
    if (this.field === 0 || this.wireType > wireTypes.bit32 || this.#high !== 0)
      throw malformed("a tag that cannot be");
  }

  #readValue(depth: number): void {
    switch (this.wireType) {
      case wireTypes.varint:
        this.#readVarint();
        return;
      case wireTypes.bytes: {
        this.#readVarint();
        const length = this.int >>> 0;
        this.from = this.#at;
        this.#skip(length);
        this.to = this.#at;
        return;
      }
      case wireTypes.bit64:
        this.#skip(8);
        return;
      case wireTypes.bit32:
        this.#skip(4);
        return;
      case wireTypes.startGroup:
        this.#skipGroup(depth + 1);
        return;
      default:
        throw malformed("the end of a group that never began");
    }
  }

  #skipGroup(depth: number): void {
    if (depth > deepestGroup) throw malformed("groups that are too deep");
    const group = this.field;
    for (;;) {
      this.#readTag();
      if (this.wireType === wireTypes.endGroup) break;
      this.#readValue(depth);
    }
    if (this.field !== group) throw malformed("a group that ends as another");
    this.wireType = wireTypes.startGroup;
  }

  #skip(length: number): void {
    this.#at += length;
    if (this.#at > this.#end) throw malformed("a field that is longer than its message");
  }

  #readVarint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw malformed("a message that ends within a number");
      const byte = this.#bytes[this.#at++] as number;
      if (shift < 32) low |= (byte & 0x7f) << shift;
      if (shift >= 28) high |= shift === 28 ? (byte & 0x7f) >>> 4 : byte & 0x7f;
      if (byte >= 0x80) continue;
      this.int = low;
      this.#high = high;
      this.flag = low !== 0 || high !== 0;
      return;
    }
    throw malformed("a number of more than ten bytes");
  }
}

function malformed(what: string): OutriderError {
  return new OutriderError("PROTOCOL_VIOLATION", `not a protobuf message: ${what}`);
}
