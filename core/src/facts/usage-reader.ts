import { BodyReader } from "./body-reader.ts";

/** Tokens of one exchange as its model server reports them; 0 = not told. */
export interface TokenUsage {
  readonly promptTokens: number;
  /** Prompt tokens found in the prefix cache. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** Reads the usage in a response's body, JSON or server-sent events, cut anywhere. */
export interface UsageReader {
  /** The last usage told so far. */
  readonly usage: TokenUsage;
  /** Takes the next chunk; its bytes are only read during the call. True for the first that is not empty. */
  read(chunk: Uint8Array): boolean;
}

/** Reads from the start of a response. */
export function createUsageReader(): UsageReader {
  return new ChunkedUsageReader();
}

const needle = Buffer.from('"usage"');
/** Longest usage object read; a longer one is skipped. */
const MAX_USAGE_BYTES = 8_192;
const OPEN_BRACE = 0x7b;
const COLON = 0x3a;
const empty = Buffer.alloc(0);

class ChunkedUsageReader implements UsageReader {
  #promptTokens = 0;
  #cachedTokens = 0;
  #outputTokens = 0;
  #hasBegun = false;
  /** What the last chunk ended with, from a key or the start of one on. */
  #carried: Buffer = empty;

  get usage(): TokenUsage {
    return { promptTokens: this.#promptTokens, cachedTokens: this.#cachedTokens, outputTokens: this.#outputTokens };
  }

  read(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return false;
    const bytes = this.#carried.length > 0 ? Buffer.concat([this.#carried, chunk]) : toBuffer(chunk);
    this.#carried = empty;
    this.#readKeys(bytes);
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    return isFirst;
  }

  #readKeys(bytes: Buffer): void {
    let key = bytes.indexOf(needle);
    while (key >= 0) {
      const object = findObject(bytes, key + needle.length);
      if (object === undefined) {
        if (bytes.length - key <= MAX_USAGE_BYTES) this.#carried = Buffer.from(bytes.subarray(key));
        return;
      }
      if (object.end > object.start) this.#take(bytes.toString("utf8", object.start, object.end));
      key = bytes.indexOf(needle, object.end);
    }
    const start = findNeedleStart(bytes);
    if (start < bytes.length) this.#carried = Buffer.from(bytes.subarray(start));
  }

  #take(text: string): void {
    const usage = parseRecord(text);
    const cached = toRecord(usage.prompt_tokens_details ?? usage.input_tokens_details).cached_tokens;
    this.#promptTokens = toTokens(usage.prompt_tokens ?? usage.input_tokens, this.#promptTokens);
    this.#cachedTokens = toTokens(cached ?? usage.cache_read_input_tokens, this.#cachedTokens);
    this.#outputTokens = toTokens(usage.completion_tokens ?? usage.output_tokens, this.#outputTokens);
  }
}

/**
 * Object that is the value of a key which ends at `from`; empty where the value is another or there is no key;
 * `undefined` where the bytes end before that is known.
 */
function findObject(bytes: Buffer, from: number): { readonly start: number; readonly end: number } | undefined {
  const colon = skipSpace(bytes, from);
  if (colon === bytes.length) return undefined;
  const start = bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : colon;
  if (start === bytes.length) return undefined;
  if (bytes[colon] !== COLON || bytes[start] !== OPEN_BRACE) return { start, end: start };
  const reader = new BodyReader([bytes.subarray(start)]);
  return reader.skipContainer() ? { start, end: start + reader.offset } : undefined;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] <= 0x20) at++;
  return at;
}

/** Where the needle may begin at the end of the bytes and go on in the next; their length where it does not. */
function findNeedleStart(bytes: Buffer): number {
  let start = Math.max(0, bytes.length - needle.length + 1);
  while (start < bytes.length && !isNeedleStart(bytes, start)) start++;
  return start;
}

function isNeedleStart(bytes: Buffer, start: number): boolean {
  for (let at = start; at < bytes.length; at++) if (bytes[at] !== needle[at - start]) return false;
  return true;
}

function toBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    return toRecord(JSON.parse(text));
  } catch {
    return {};
  }
}

function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function toTokens(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : otherwise;
}
