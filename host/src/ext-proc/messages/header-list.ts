import { WireReader } from "./wire-reader.ts";

/** `HeaderMap.headers`. */
const headersField = 1;
/** Fields of `HeaderValue`. */
const keyField = 1;
const valueField = 2;
const rawValueField = 3;

const mapReader = new WireReader();
const headerReader = new WireReader();

/**
 * Headers of one message, in the order of the wire: where each name and value lies in the message, decoded when asked
 * for. Names match in any case; a value that is not UTF-8 is read with replacement characters.
 */
export class HeaderList {
  readonly #bytes: Buffer;
  /** Four numbers a header: from and to of its name, from and to of its value. */
  readonly #places: number[] = [];
  #size = 0;

  /** @param bytes message that holds the headers; kept as long as this is. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes of all names and values together. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends the headers of a `HeaderMap` that fills the message from `from` to `to`.
   * @throws {OutriderError} `PROTOCOL_VIOLATION` where it is none.
   */
  add(from: number, to: number): void {
    mapReader.open(this.#bytes, from, to);
    while (mapReader.next()) if (mapReader.isBytes(headersField)) this.#addHeader(mapReader.from, mapReader.to);
  }

  /** Value of a header by its lower-case name, the last one where repeated. */
  get(name: string): string | undefined {
    const places = this.#places;
    for (let i = places.length - 4; i >= 0; i -= 4) {
      if (this.#isName(places[i] as number, places[i + 1] as number, name)) {
        return this.#bytes.toString("utf8", places[i + 2], places[i + 3]);
      }
    }
    return undefined;
  }

  /** Whether there is a header of this lower-case name. */
  has(name: string): boolean {
    const places = this.#places;
    for (let i = 0; i < places.length; i += 4) {
      if (this.#isName(places[i] as number, places[i + 1] as number, name)) return true;
    }
    return false;
  }

  /** `raw_value` goes before `value`, as Envoy fills only one of them. */
  #addHeader(from: number, to: number): void {
    let keyFrom = from;
    let keyTo = from;
    let valueFrom = from;
    let valueTo = from;
    let isRaw = false;
    headerReader.open(this.#bytes, from, to);
    while (headerReader.next()) {
      if (headerReader.isBytes(keyField)) {
        keyFrom = headerReader.from;
        keyTo = headerReader.to;
      } else if (headerReader.isBytes(rawValueField) || (headerReader.isBytes(valueField) && !isRaw)) {
        isRaw = headerReader.field === rawValueField && headerReader.to > headerReader.from;
        valueFrom = headerReader.from;
        valueTo = headerReader.to;
      }
    }
    this.#places.push(keyFrom, keyTo, valueFrom, valueTo);
    this.#size += keyTo - keyFrom + valueTo - valueFrom;
  }

  #isName(from: number, to: number, name: string): boolean {
    if (to - from !== name.length) return false;
    for (let i = 0; i < name.length; i++) {
      const byte = this.#bytes[from + i] as number;
      const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
      if (lower !== name.charCodeAt(i)) return false;
    }
    return true;
  }
}
