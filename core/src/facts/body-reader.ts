const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Bytes of a string looked at one by one before the rest is left to a search, which costs as much to start. Where a
 * search ended that soon at an escaped quote, twice as many are.
 */
const SHORT_STRING = 32;
/** Bytes looked at one by one behind an escaped quote that was far: quotes come in pairs. */
const PAIR = 16;

const noBytes = Buffer.alloc(0);

/** A place in a body to come back to. */
export interface BodyMark {
  readonly chunk: number;
  readonly at: number;
  /** Bytes before it. */
  readonly offset: number;
}

/** Goes through the JSON of a body that is in chunks, without joining them and without recursion. */
export class BodyReader {
  readonly #chunks: readonly Uint8Array[];
  #chunk = -1;
  /** Bytes before the current chunk. */
  #before = 0;
  #bytes: Buffer = noBytes;
  #at = 0;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
  }

  /** Bytes gone through. */
  get offset(): number {
    return this.#before + this.#at;
  }

  /** The next byte, which stays; -1 at the end. */
  peek(): number {
    while (this.#at === this.#bytes.length) if (!this.#nextChunk()) return -1;
    return this.#bytes[this.#at];
  }

  /** Goes over the byte that {@link peek} showed. */
  step(): void {
    this.#at++;
  }

  /** The next byte that is no white space, which stays; -1 at the end. */
  peekToken(): number {
    for (;;) {
      const byte = this.peek();
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#at++;
    }
  }

  /** Goes over `byte` if it is the next one that is no white space. */
  take(byte: number): boolean {
    if (this.peekToken() !== byte) return false;
    this.#at++;
    return true;
  }

  /** This place. */
  mark(): BodyMark {
    return { chunk: this.#chunk, at: this.#at, offset: this.offset };
  }

  /** Text from a place to here, less `fewer` bytes at the end; bytes that are no UTF-8 become replacement characters. */
  textSince(mark: BodyMark, fewer = 0): string {
    if (mark.chunk === this.#chunk) return this.#bytes.toString("utf8", mark.at, this.#at - fewer);
    const parts = this.#chunks.slice(mark.chunk, this.#chunk + 1);
    const last = parts.length - 1;
    parts[last] = parts[last].subarray(0, this.#at);
    parts[0] = parts[0].subarray(mark.at);
    const joined = Buffer.concat(parts);
    return joined.toString("utf8", 0, joined.length - fewer);
  }

  /**
   * From behind a string's opening quote goes behind its closing one. False if the body ends before.
   * @param shortBytes looked at one by one before the rest is left to a search.
   */
  skipString(shortBytes = SHORT_STRING): boolean {
    let at = this.#at;
    let short = shortBytes;
    for (;;) {
      const bytes = this.#bytes;
      const near = Math.min(at + short, bytes.length);
      while (at < near) {
        const byte = bytes[at];
        if (byte === QUOTE) {
          this.#at = at + 1;
          return true;
        }
        at += byte === BACKSLASH ? 2 : 1;
      }
      if (at < bytes.length) {
        const quote = bytes.indexOf(QUOTE, at);
        const end = quote < 0 ? bytes.length : quote;
        const isEscaped = endsInEscape(bytes, at, end);
        short = end - at < SHORT_STRING ? Math.max(2 * short, SHORT_STRING) : PAIR;
        at = isEscaped || quote >= 0 ? end + 1 : end;
        if (quote >= 0 && !isEscaped) {
          this.#at = at;
          return true;
        }
      }
      if (at >= bytes.length) {
        at -= bytes.length;
        this.#at = bytes.length;
        if (!this.#nextChunk()) return false;
      }
    }
  }

  /**
   * From an opening bracket goes behind the bracket that closes it. False if the body ends before.
   * @param opened brackets that are open already, with nothing but brackets and white space gone through since.
   */
  skipContainer(opened = 0): boolean {
    let depth = opened;
    for (;;) {
      const bytes = this.#bytes;
      const end = bytes.length;
      let at = this.#at;
      while (at < end) {
        const mark = marks[bytes[at++]];
        if (mark === NO_MARK) continue;
        if (mark === CLOSES) {
          if (--depth > 0) continue;
          this.#at = at;
          return true;
        }
        if (mark === OPENS) {
          depth++;
          continue;
        }
        const near = Math.min(at + SHORT_STRING, end);
        while (at < near && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at++;
        if (at < near && bytes[at] === QUOTE) {
          at++;
          continue;
        }
        this.#at = at;
        if (!this.skipString(0)) return false;
        if (this.#bytes !== bytes) break;
        at = this.#at;
      }
      if (this.#bytes !== bytes) continue;
      this.#at = end;
      if (!this.#nextChunk()) return false;
    }
  }

  /** Goes to where a number or word ends: at white space, a comma, a bracket. False if the body ends before. */
  skipScalar(): boolean {
    for (;;) {
      const byte = this.peek();
      if (byte <= 0x20 || byte === 0x2c || byte === 0x3a || marks[byte] !== NO_MARK) return byte >= 0;
      this.#at++;
    }
  }

  #nextChunk(): boolean {
    if (this.#chunk + 1 >= this.#chunks.length) return false;
    this.#before += this.#bytes.length;
    const chunk = this.#chunks[++this.#chunk];
    this.#bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
    return true;
  }
}

const NO_MARK = 0;
const QUOTES = 1;
const OPENS = 2;
const CLOSES = 3;

/** What a byte outside of strings stands for. */
const marks = new Uint8Array(256);
marks[QUOTE] = QUOTES;
for (const byte of [OPEN_BRACE, OPEN_BRACKET]) marks[byte] = OPENS;
for (const byte of [CLOSE_BRACE, CLOSE_BRACKET]) marks[byte] = CLOSES;

/** Whether an odd run of backslashes leads up to `end`, counted back to `from`, which none leads up to. */
function endsInEscape(bytes: Buffer, from: number, end: number): boolean {
  let first = end;
  while (first > from && bytes[first - 1] === BACKSLASH) first--;
  return (end - first) % 2 === 1;
}
