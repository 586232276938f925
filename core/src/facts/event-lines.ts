import type { AnswerReader } from "./answer-reader.ts";
import type { UsageFinder } from "./usage-finder.ts";

const NEW_LINE = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const N = 0x6e;
const dataField = Buffer.from("data:");
/** Longest name of a field or an event that is told apart. */
const LONGEST_NAME = 64;

/** Goes through the lines of server-sent events that come in pieces, and looks into those alone that may tell usage. */
export class EventLines {
  /** Data lines with output that have ended. */
  outputEvents = 0;
  readonly #finder: UsageFinder;
  readonly #needle: Buffer;
  readonly #answer: AnswerReader | undefined;
  #line: "field" | "event" | "data" | "payload" | "other" = "field";
  /** Name of the field, or of the event, as far as it has come. */
  #name = "";
  /** Name of the event that the next data line belongs to; empty = none was told. */
  #event = "";

  /** @param needle bytes without which a payload tells no usage. @param answer is shown every payload. */
  constructor(finder: UsageFinder, needle: Buffer, answer: AnswerReader | undefined) {
    this.#finder = finder;
    this.#needle = needle;
    this.#answer = answer;
    finder.stop();
  }

  /** Takes the next bytes of the stream, from `start` on. */
  read(bytes: Buffer, start: number): void {
    let needle = this.#findNeedle(bytes, start);
    let at = start;
    while (at < bytes.length) {
      const newLine = bytes.indexOf(NEW_LINE, at);
      const end = newLine < 0 ? bytes.length : newLine;
      if (needle >= 0 && needle < at) needle = this.#findNeedle(bytes, at);
      const mayTell = newLine < 0 || (needle >= 0 && needle < end);
      this.#readPart(bytes, at, end, mayTell);
      if (newLine >= 0) this.#endLine();
      at = end + 1;
    }
  }

  /** The next key of usage whose value is not plainly `null`; -1 = none. */
  #findNeedle(bytes: Buffer, from: number): number {
    let found = bytes.indexOf(this.#needle, from);
    while (found >= 0 && bytes[found + this.#needle.length] === COLON && bytes[found + this.#needle.length + 1] === N) {
      found = bytes.indexOf(this.#needle, found + this.#needle.length);
    }
    return found;
  }

  /** @param mayTell whether a payload that begins in this part of a line has to be looked into. */
  #readPart(bytes: Buffer, start: number, end: number, mayTell: boolean): void {
    let at = start;
    if (this.#line === "field") at = this.#readField(bytes, at, end);
    if (this.#line === "event") this.#addName(bytes, at, end);
    if (this.#line === "data") at = this.#beginPayload(bytes, at, end, mayTell);
    if (this.#line !== "payload") return;
    if (this.#finder.isReading) this.#finder.read(bytes, at, end);
    this.#answer?.read(bytes, at, end);
  }

  #readField(bytes: Buffer, start: number, end: number): number {
    if (this.#name === "" && startsData(bytes, start, end)) {
      this.#line = "data";
      return start + dataField.length;
    }
    let at = start;
    while (at < end && bytes[at] !== COLON) at++;
    this.#addName(bytes, start, at);
    if (at === end) return at;
    this.#line = this.#name === "data" || this.#name === "event" ? this.#name : "other";
    this.#name = "";
    return at + 1;
  }

  #addName(bytes: Buffer, start: number, end: number): void {
    const room = LONGEST_NAME - this.#name.length;
    if (end > start && room > 0) this.#name += bytes.toString("latin1", start, Math.min(end, start + room));
  }

  /** Finds where the payload begins. That of the end of a stream, `[DONE]`, is none. */
  #beginPayload(bytes: Buffer, start: number, end: number, mayTell: boolean): number {
    let at = start;
    while (at < end && bytes[at] <= SPACE) at++;
    if (at === end) return at;
    this.#line = bytes[at] === OPEN_BRACKET ? "other" : "payload";
    if (this.#line === "payload" && mayTell) this.#finder.begin();
    return at;
  }

  #endLine(): void {
    if (this.#line === "payload") {
      if (standsForOutput(this.#event) && !this.#finder.hasNoChoices) this.outputEvents++;
      this.#finder.stop();
      this.#answer?.endText();
    } else if (this.#line === "event") {
      this.#event = this.#name.trim();
    } else if (this.#line === "field" && this.#name.trim() === "") {
      this.#event = "";
    }
    this.#line = "field";
    this.#name = "";
  }
}

function startsData(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < dataField.length) return false;
  for (let i = 0; i < dataField.length; i++) if (bytes[start + i] !== dataField[i]) return false;
  return true;
}

/** Whether events of a name bring output: where an API names its events, the names of those that do end so. */
function standsForOutput(event: string): boolean {
  return event === "" || (event.endsWith("delta") && event !== "message_delta");
}
