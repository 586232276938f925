/** Puts one model's name in the place of another's in a response's body, JSON or server-sent events, cut anywhere. */
export interface NameRewriter {
  /** @returns what goes on in place of the chunk, maybe nothing yet; valid as long as the chunk is, not to be changed. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** @returns what was held back. Nothing comes after it. */
  end(): readonly Uint8Array[];
}

/**
 * Replaces the value of each member `"model": "from"`, at any depth and with any white space around its colon; the name
 * is compared as `JSON.stringify` writes it. At most the bytes of that name are held back, and only while they match.
 * @param to empty = the client named no model: everything goes on as it came.
 */
export function createNameRewriter(from: string, to: string): NameRewriter {
  if (to === "" || from === to) return unchanged;
  return new MemberRewriter(Buffer.from(JSON.stringify(from)), Buffer.from(JSON.stringify(to)));
}

const key = Buffer.from('"model"');
const QUOTE = 0x22;
const COLON = 0x3a;
const nothing: readonly Uint8Array[] = [];
const unchanged: NameRewriter = { push: (chunk) => [chunk], end: () => nothing };

/** How far a member is recognised. Only the value is held back: all before it goes on as it came. */
type Phase = "in key" | "key ended" | "before colon" | "before value" | "in value";

class MemberRewriter implements NameRewriter {
  readonly #from: Buffer;
  readonly #to: Buffer;
  #phase: Phase = "in key";
  /** Bytes of the key or of the value, whichever the phase is in, that have matched. */
  #matched = 0;

  constructor(from: Buffer, to: Buffer) {
    this.#from = from;
    this.#to = to;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const bytes = toBuffer(chunk);
    let out: Uint8Array[] | undefined;
    let goneOn = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#phase !== "in value") {
        at = this.#advance(bytes, at);
        continue;
      }
      const end = this.#matchValue(bytes, at);
      const start = end - this.#matched;
      if (this.#matched === this.#from.length) {
        out ??= [];
        if (start > goneOn) out.push(bytes.subarray(goneOn, start));
        out.push(this.#to);
        goneOn = end;
        this.#restart(0);
      } else if (end < bytes.length) {
        if (start < 0) out = [this.#from.subarray(0, -start)];
        this.#restart(countKeyStart(this.#from, this.#matched));
      }
      at = end;
    }
    return this.#rest(chunk, goneOn, out);
  }

  end(): readonly Uint8Array[] {
    const held = this.#held();
    this.#restart(0);
    return held > 0 ? [this.#from.subarray(0, held)] : nothing;
  }

  /** Recognises what stands before a value; returns how far. */
  #advance(bytes: Buffer, at: number): number {
    if (this.#phase === "in key") return this.#findKey(bytes, at);
    const byte = bytes[at];
    if (isSpace(byte)) {
      if (this.#phase === "key ended") this.#phase = "before colon";
      return at + 1;
    }
    if (byte === QUOTE && this.#phase === "before value") {
      this.#phase = "in value";
      this.#matched = 0;
      return at;
    }
    if (byte === COLON && this.#phase !== "before value") {
      this.#phase = "before value";
      return at + 1;
    }
    // The quote that ended one key may begin another.
    this.#restart(this.#phase === "key ended" ? 1 : 0);
    return at;
  }

  #findKey(bytes: Buffer, from: number): number {
    let at = from;
    while (this.#matched > 0 && this.#matched < key.length && at < bytes.length && bytes[at] === key[this.#matched]) {
      this.#matched++;
      at++;
    }
    if (this.#matched > 0 && this.#matched < key.length) {
      if (at < bytes.length) this.#matched = 0;
      return at;
    }
    if (this.#matched === 0) {
      const found = bytes.indexOf(key, at);
      if (found < 0) {
        this.#matched = countKeyStart(bytes, bytes.length, at);
        return bytes.length;
      }
      at = found + key.length;
    }
    this.#phase = "key ended";
    return at;
  }

  #matchValue(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && this.#matched < this.#from.length && bytes[at] === this.#from[this.#matched]) {
      this.#matched++;
      at++;
    }
    return at;
  }

  #restart(matched: number): void {
    this.#phase = "in key";
    this.#matched = matched;
  }

  #held(): number {
    return this.#phase === "in value" ? this.#matched : 0;
  }

  /** What of a chunk goes on behind what already has; the chunk itself where nothing of it was changed. */
  #rest(chunk: Uint8Array, goneOn: number, out: Uint8Array[] | undefined): readonly Uint8Array[] {
    const end = chunk.length - this.#held();
    if (goneOn === 0 && end === chunk.length) {
      if (out === undefined) return [chunk];
      out.push(chunk);
      return out;
    }
    if (end <= goneOn) return out ?? nothing;
    const rest = chunk.subarray(goneOn, end);
    if (out === undefined) return [rest];
    out.push(rest);
    return out;
  }
}

/** Bytes of the key that the bytes from `from` up to `end` end with. */
function countKeyStart(bytes: Buffer, end: number, from = 0): number {
  const first = Math.max(from, end - key.length + 1);
  for (let at = end - 1; at >= first; at--) {
    if (bytes[at] !== QUOTE) continue;
    return bytes.compare(key, 0, end - at, at, end) === 0 ? end - at : 0;
  }
  return 0;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function toBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
