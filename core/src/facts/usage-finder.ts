import { readUsage } from "./usage-members.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;

/** Longest usage object read; a longer one is skipped. */
const MAX_USAGE_BYTES = 8_192;
/** Deepest that a key counts. */
const DEEPEST_KEY = 2;
/** Keys that count, by their bytes. */
const keys = ["usage", "message", "choices", "response", "meta_info"].map((name) => ({
  name,
  bytes: Buffer.from(name),
}));
const longestKey = Math.max(...keys.map(({ bytes }) => bytes.length));
/** Bytes of a string looked at one by one before the rest is left to a search, which costs as much to start. */
const SHORT_STRING = 64;
const NOT_TAKING = -1;
const nothing: Buffer = Buffer.alloc(0);

/**
 * Goes through JSON that comes in pieces, cut anywhere, and takes the usage at its top level, or at that of its
 * `response` or `message`: what stands in a text or deeper down is none. Holds no more than a usage object.
 */
export class UsageFinder {
  promptTokens = 0;
  cachedTokens = 0;
  outputTokens = 0;
  /** Whether the text told usage behind an empty list of `choices`. */
  hasNoChoices = false;
  /** Whether what comes is to be looked into. */
  isReading = true;
  readonly #member: string;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** The last string where keys count, if it is one of them; empty = it is none. */
  #string = "";
  /** Start of the string under way, where its end has not come with it. */
  #begun = "";
  /** Keys of the members under way at the top and below. */
  #outerKey = "";
  #innerKey = "";
  #choices: "unseen" | "opened" | "empty" = "unseen";
  /** Depth around the usage object under way, and its bytes before those at hand. */
  #takingAt = NOT_TAKING;
  #taken = nothing;

  /** @param member key of usage objects. */
  constructor(member: string) {
    this.#member = member;
  }

  /** Begins another text. What those before told stays. */
  begin(): void {
    this.stop();
    this.isReading = true;
  }

  /** Looks at nothing until another text begins. */
  stop(): void {
    this.isReading = false;
    this.hasNoChoices = false;
    this.#depth = 0;
    this.#isInString = false;
    this.#isEscaped = false;
    this.#choices = "unseen";
    this.#takingAt = NOT_TAKING;
    this.#taken = nothing;
  }

  /** Takes the text's next bytes. */
  read(bytes: Buffer, start: number, end: number): void {
    let takenFrom = start;
    let at = this.#isInString ? this.#endString(bytes, start, end) : start;
    while (at < end) {
      const byte = bytes[at++];
      if (isMark[byte] === 0) continue;
      if (byte === QUOTE) {
        at = this.#readString(bytes, at, end);
        continue;
      }
      const wasTaking = this.#takingAt !== NOT_TAKING;
      this.#readMark(byte);
      if (!wasTaking) takenFrom = at - 1;
      else if (this.#takingAt === this.#depth) this.#take(bytes, takenFrom, at);
    }
    if (this.#takingAt !== NOT_TAKING) this.#keep(bytes, takenFrom, end);
  }

  #readMark(byte: number): void {
    if (this.#choices === "opened") this.#choices = byte === CLOSE_BRACKET ? "empty" : "unseen";
    if (byte === COLON) {
      if (this.#depth === 1) this.#outerKey = this.#string;
      else if (this.#depth === DEEPEST_KEY) this.#innerKey = this.#string;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      this.#depth--;
    } else {
      this.#open(byte);
    }
  }

  #open(byte: number): void {
    if (byte === OPEN_BRACE && this.#takingAt === NOT_TAKING && this.#isUsage()) this.#takingAt = this.#depth;
    if (byte === OPEN_BRACKET && this.#depth === 1 && this.#outerKey === "choices") this.#choices = "opened";
    if (this.#depth === 0) this.#outerKey = "";
    if (this.#depth === 1) this.#innerKey = "";
    this.#depth++;
  }

  /** Whether the object that begins here is a usage object. */
  #isUsage(): boolean {
    if (this.#depth === 1) return this.#outerKey === this.#member;
    if (this.#depth !== DEEPEST_KEY || this.#innerKey !== this.#member) return false;
    return this.#outerKey === "response" || this.#outerKey === "message";
  }

  #take(bytes: Buffer, start: number, end: number): void {
    const here = bytes.subarray(start, end);
    const json = this.#taken.length > 0 ? Buffer.concat([this.#taken, here]) : here;
    this.#takingAt = NOT_TAKING;
    this.#taken = nothing;
    if (json.length > MAX_USAGE_BYTES) return;
    const { promptTokens, cachedTokens, outputTokens } = readUsage(json.toString());
    this.promptTokens = promptTokens ?? this.promptTokens;
    this.cachedTokens = cachedTokens ?? this.cachedTokens;
    this.outputTokens = Math.max(outputTokens ?? 0, this.outputTokens);
    this.hasNoChoices = this.#choices === "empty";
  }

  /** Keeps what has come of a usage object, as long as it is not too long. */
  #keep(bytes: Buffer, start: number, end: number): void {
    const length = this.#taken.length + end - start;
    this.#taken = length > MAX_USAGE_BYTES ? nothing : Buffer.concat([this.#taken, bytes.subarray(start, end)]);
    if (length > MAX_USAGE_BYTES) this.#takingAt = NOT_TAKING;
  }

  /** Goes behind a string that begins at `start`, or to the end of the bytes; returns how far. */
  #readString(bytes: Buffer, start: number, end: number): number {
    if (this.#choices === "opened") this.#choices = "unseen";
    const quote = findQuote(bytes, start, end);
    if (this.#depth <= DEEPEST_KEY) this.#string = quote < 0 ? "" : findKey(bytes, start, quote);
    if (quote >= 0) return quote + 1;
    this.#begun = "";
    return this.#goOn(bytes, start, -quote, end);
  }

  /** As {@link #readString}, of a string that began before the bytes. */
  #endString(bytes: Buffer, start: number, end: number): number {
    const quote = findQuote(bytes, this.#isEscaped ? start + 1 : start, end);
    if (quote < 0) return this.#goOn(bytes, start, -quote, end);
    this.#isInString = false;
    if (this.#depth <= DEEPEST_KEY) this.#string = this.#begun + readName(bytes, start, quote);
    return quote + 1;
  }

  #goOn(bytes: Buffer, start: number, next: number, end: number): number {
    this.#isInString = true;
    this.#isEscaped = next > end;
    if (this.#depth <= DEEPEST_KEY && this.#begun.length <= longestKey) this.#begun += readName(bytes, start, end);
    return end;
  }
}

/** Key that stands somewhere; empty = none that counts. */
function findKey(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > longestKey) return "";
  for (const key of keys) {
    if (key.bytes.length !== length) continue;
    let at = 0;
    while (at < length && bytes[start + at] === key.bytes[at]) at++;
    if (at === length) return key.name;
  }
  return "";
}

/** What stands somewhere, as far as it could be a key. */
function readName(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("latin1", start, Math.min(end, start + longestKey + 1));
}

/**
 * Where a string ends, from a byte that is not escaped on: at its quote. Where it goes on behind the bytes, minus the
 * place where that is, which is one further where the first byte there is escaped.
 */
function findQuote(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end) {
    for (const near = Math.min(at + SHORT_STRING, end); at < near; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) at++;
    }
    if (at >= end) break;
    const found = bytes.indexOf(QUOTE, at);
    const stop = found < 0 || found > end ? end : found;
    const isEscaped = endsInEscape(bytes, at, stop);
    if (stop < end && !isEscaped) return stop;
    at = isEscaped ? stop + 1 : stop;
  }
  return -at;
}

/** Whether an odd run of backslashes leads up to `end`, counted back to `from`, which none leads up to. */
function endsInEscape(bytes: Buffer, from: number, end: number): boolean {
  let first = end;
  while (first > from && bytes[first - 1] === BACKSLASH) first--;
  return (end - first) % 2 === 1;
}

/** 1 for what tells where something stands. */
const isMark = new Uint8Array(256);
for (const byte of [QUOTE, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, COLON]) isMark[byte] = 1;
