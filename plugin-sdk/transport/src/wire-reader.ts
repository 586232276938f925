import { OutriderError } from "@outrider/core/contract";
import { wireType } from "./wire-writer.ts";

const deepestGroup = 16;

const noFloats = new Float32Array(0);

/**
 * Reads protobuf from a part of a buffer. Everything that is not protobuf is a {@link OutriderError}
 * `PROTOCOL_VIOLATION`; nothing is read outside of the part.
 */
export class WireReader {
  readonly bytes: Buffer;
  /** Next byte. */
  at: number;
  /** End of the part that is being read. */
  end: number;
  readonly #view: DataView;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Low 32 bits of a varint, as an unsigned number. */
  varint(): number {
    const { bytes, end } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw violation("ends inside a number");
      const byte = bytes[this.at++]!;
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw violation("holds a number of more than ten bytes");
  }

  sint32(): number {
    const value = this.varint();
    return (value >>> 1) ^ -(value & 1);
  }

  float(): number {
    this.at += 4;
    if (this.at > this.end) throw violation("ends inside a number");
    return this.#view.getFloat32(this.at - 4, true);
  }

  double(): number {
    this.at += 8;
    if (this.at > this.end) throw violation("ends inside a number");
    return this.#view.getFloat64(this.at - 8, true);
  }

  /** Reads a length and returns where what it covers ends. */
  block(): number {
    const length = this.varint();
    if (length > this.end - this.at) throw violation(`ends inside a field of ${length} bytes`);
    return this.at + length;
  }

  /** View of a `bytes` field. */
  blob(): Buffer {
    const to = this.block();
    const start = this.at;
    this.at = to;
    return this.bytes.subarray(start, to);
  }

  string(): string {
    const to = this.block();
    const text = this.bytes.toString("utf8", this.at, to);
    this.at = to;
    return text;
  }

  /** Moves past a field that nobody reads, whose tag was just read. */
  skip(tag: number, depth = 0): void {
    if (tag < 8) throw violation("holds a field without a number");
    switch (tag & 7) {
      case wireType.varint:
        this.varint();
        return;
      case wireType.fixed64:
        this.#advance(8);
        return;
      case wireType.bytes:
        this.at = this.block();
        return;
      case wireType.fixed32:
        this.#advance(4);
        return;
      case wireType.startGroup:
        this.#skipGroup(tag >>> 3, depth + 1);
        return;
      default:
        throw violation(`holds a field of wire type ${tag & 7}`);
    }
  }

  #advance(count: number): void {
    this.at += count;
    if (this.at > this.end) throw violation("ends inside a number");
  }

  #skipGroup(field: number, depth: number): void {
    if (depth > deepestGroup) throw violation(`nests groups more than ${deepestGroup} deep`);
    while (this.at < this.end) {
      const tag = this.varint();
      if ((tag & 7) === wireType.endGroup) {
        if (tag >>> 3 !== field) throw violation("ends another group than it began");
        return;
      }
      this.skip(tag, depth);
    }
    throw violation("ends inside a group");
  }
}

/** Reads one field into `target`; its tag was just read. */
export type FieldReader<T> = (reader: WireReader, target: T, tag: number) => void;

/** How to read the fields of a message, by tag: see {@link fieldReaders}. */
export type FieldReaders<T> = readonly (FieldReader<T> | undefined)[];

/** Names of the properties that take a value of type `V`. */
type NamesOf<T, V> = { [K in keyof T & string]: V extends T[K] ? K : never }[keyof T & string];

/** A field by its number: a scalar goes to the property named, anything else through a reader for its wire type. */
export type FieldSpec<T> =
  | readonly [field: number, scalar: "uint32" | "sint32" | "double", name: NamesOf<T, number>]
  | readonly [field: number, scalar: "string", name: NamesOf<T, string>]
  | readonly [field: number, scalar: "blob", name: NamesOf<T, Uint8Array>]
  | readonly [field: number, type: "varint" | "bytes" | "fixed32", read: FieldReader<T>];

/** Readers by tag. A field that arrives with another wire type than its own is skipped like an unknown one. */
export function fieldReaders<T extends object>(fields: readonly FieldSpec<T>[]): FieldReaders<T> {
  const readers: (FieldReader<T> | undefined)[] = [];
  for (const [field, type, how] of fields) {
    if (typeof how === "function") readers[(field << 3) | wireType[type as "bytes"]] = how;
    else readers[(field << 3) | scalarWireType[type as ScalarType]] = scalarReader<T>(type as ScalarType, how);
  }
  return Array.from(readers);
}

type ScalarType = "uint32" | "sint32" | "double" | "string" | "blob";

const scalarWireType: Readonly<Record<ScalarType, number>> = {
  uint32: wireType.varint,
  sint32: wireType.varint,
  double: wireType.fixed64,
  string: wireType.bytes,
  blob: wireType.bytes,
};

function scalarReader<T extends object>(type: ScalarType, name: string): FieldReader<T> {
  const read = scalars[type];
  return (reader, target) => {
    (target as Record<string, unknown>)[name] = read(reader);
  };
}

const scalars: Readonly<Record<ScalarType, (reader: WireReader) => unknown>> = {
  uint32: (reader) => reader.varint(),
  sint32: (reader) => reader.sint32(),
  double: (reader) => reader.double(),
  string: (reader) => reader.string(),
  blob: (reader) => reader.blob(),
};

/** Reads the fields up to `end` into `target`; those that have no reader are skipped. */
export function readMessage<T>(reader: WireReader, end: number, readers: FieldReaders<T>, target: T): T {
  const outerEnd = reader.end;
  reader.end = end;
  while (reader.at < end) {
    const tag = reader.varint();
    const read = readers[tag];
    if (read === undefined) reader.skip(tag);
    else read(reader, target, tag);
  }
  reader.end = outerEnd;
  return target;
}

/** A repeated float field on its way in, whatever mix of packed and single values it arrives in. */
export class FloatList {
  #values = noFloats;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Reads one occurrence of the field; a packed one is copied in one go. */
  append(reader: WireReader, tag: number): void {
    if ((tag & 7) === wireType.fixed32) {
      this.#reserve(1);
      this.#values[this.#count++] = reader.float();
      return;
    }
    this.appendBytes(reader.blob());
  }

  /** Takes packed floats. */
  appendBytes(bytes: Uint8Array): void {
    if (bytes.length % 4 !== 0) throw violation("holds packed floats of a broken length");
    this.#reserve(bytes.length / 4);
    new Uint8Array(this.#values.buffer, 4 * this.#count).set(bytes);
    this.#count += bytes.length / 4;
  }

  /** The values so far; what is appended later may or may not show in it. */
  toArray(): Float32Array {
    return this.#values.length === this.#count ? this.#values : this.#values.subarray(0, this.#count);
  }

  #reserve(added: number): void {
    const needed = this.#count + added;
    if (needed <= this.#values.length) return;
    const larger = new Float32Array(this.#count === 0 ? needed : 2 * needed);
    larger.set(this.#values.subarray(0, this.#count));
    this.#values = larger;
  }
}

/** A message that cannot be read. */
export function violation(what: string): OutriderError {
  return new OutriderError("PROTOCOL_VIOLATION", `message ${what}`);
}
