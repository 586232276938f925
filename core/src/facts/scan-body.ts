import type { ByteSpan } from "../rewrite/replace-spans.ts";
import { type BodyMark, BodyReader } from "./body-reader.ts";
import { anyShape, type BodyShape, membersOf, type NotedMembers } from "./body-shape.ts";
import { type BodyFault, type BodyTop, opaqueTop, readTop, type ValueForm } from "./body-top.ts";

/** What is found of a request's body without parsing it. */
export interface ScannedBody {
  readonly kind: "ok";
  readonly top: BodyTop;
  /**
   * Where the values of `model` stand, in order; several where the key repeats. One of no length where a member that
   * names the model could be put; none where it could not.
   */
  readonly modelSpans: readonly ByteSpan[];
  /** Where the text stands that is the prompt as it is, with its quotes; `undefined` where there is none such. */
  readonly promptSpan: ByteSpan | undefined;
}

/** What is found of a body that nobody looks into. */
export const opaqueScan: ScannedBody = { kind: "ok", top: opaqueTop, modelSpans: [], promptSpan: undefined };

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;

/** A member that was found; the last one where its key repeats, as `JSON.parse` has it. */
interface Member {
  /** Its value as JSON, where it is read; else empty. */
  readonly json: string;
  readonly form: ValueForm;
  readonly span: ByteSpan;
}

/** What was found on the way. */
interface Findings {
  readonly noted: NotedMembers;
  readonly members: Map<string, Member>;
  readonly modelSpans: ByteSpan[];
  /** Behind the opening brace. */
  start: number;
  isEmpty: boolean;
}

/**
 * Reads a few values at the top level of a JSON body. A fault inside a value that it does not read goes unnoticed, and
 * on to the model server; a byte order mark is skipped.
 */
export function scanBody(chunks: readonly Uint8Array[], shape: BodyShape = anyShape): ScannedBody | BodyFault {
  const reader = new BodyReader(chunks);
  skipByteOrderMark(reader);
  if (!reader.take(OPEN_BRACE)) return fault(reader, "request body is not a JSON object");
  const noted = membersOf(shape);
  const found: Findings = { noted, members: new Map(), modelSpans: [], start: reader.offset, isEmpty: false };
  const message = readMembers(reader, found);
  return message === undefined ? toScan(found, shape) : fault(reader, message);
}

/** Goes from behind the opening brace to the end of the body; returns what is wrong on the way. */
function readMembers(reader: BodyReader, found: Findings): string | undefined {
  if (reader.take(CLOSE_BRACE)) {
    found.isEmpty = true;
  } else {
    do {
      const message = readMember(reader, found);
      if (message !== undefined) return message;
    } while (reader.take(COMMA));
    if (!reader.take(CLOSE_BRACE)) return unexpected(reader, "',' or '}' after a value");
  }
  return reader.peekToken() < 0 ? undefined : unexpected(reader, "nothing behind the JSON object");
}

function readMember(reader: BodyReader, found: Findings): string | undefined {
  if (!reader.take(QUOTE)) return unexpected(reader, "a key in quotes");
  const keyStart = reader.mark();
  if (!reader.skipString()) return endsEarly;
  const key = readKey(reader, keyStart, found.noted);
  if (!reader.take(COLON)) return unexpected(reader, "':' after a key");
  const first = reader.peekToken();
  const start = reader.mark();
  const isEmptyList = first === OPEN_BRACKET && startsEmptyList(reader);
  if (!(first === OPEN_BRACKET ? reader.skipContainer(1) : skipValue(reader, first))) return endsEarly;
  if (reader.offset === start.offset) return unexpected(reader, "a value");
  if (key !== undefined) note(key, reader, { first, start, isEmptyList }, found);
  return undefined;
}

/** Goes behind an opening bracket; true where the closing one comes next. */
function startsEmptyList(reader: BodyReader): boolean {
  reader.step();
  return reader.peekToken() === CLOSE_BRACKET;
}

/** Keeps what is noted of a value that the reader stands behind. */
function note(
  key: string,
  reader: BodyReader,
  { first, start, isEmptyList }: { readonly first: number; readonly start: BodyMark; readonly isEmptyList: boolean },
  { noted, members, modelSpans }: Findings,
): void {
  const span = { start: start.offset, end: reader.offset };
  const json = noted.values.has(key) || first === NULL_START ? reader.textSince(start) : "";
  members.set(key, { json, form: formOf(first, span, isEmptyList, json), span });
  if (key === "model") modelSpans.push(span);
}

const NULL_START = 0x6e;
const quotes = 2;

function formOf(first: number, span: ByteSpan, isEmptyList: boolean, json: string): ValueForm {
  if (first === QUOTE) return span.end - span.start > quotes ? "text" : "empty";
  if (first === OPEN_BRACKET) return isEmptyList ? "empty" : "list";
  return json === "null" ? "nothing" : "other";
}

function skipValue(reader: BodyReader, first: number): boolean {
  if (first === OPEN_BRACE) return reader.skipContainer();
  if (first !== QUOTE) return reader.skipScalar();
  reader.step();
  return reader.skipString();
}

function readKey(reader: BodyReader, start: BodyMark, noted: NotedMembers): string | undefined {
  const closingQuote = 1;
  if (reader.offset - start.offset - closingQuote > noted.longestBytes) return undefined;
  const raw = reader.textSince(start, closingQuote);
  const key = raw.includes("\\") ? parse(`"${raw}"`) : raw;
  return typeof key === "string" && noted.all.has(key) ? key : undefined;
}

const endsEarly = "request body ends early";

function unexpected(reader: BodyReader, expected: string): string {
  return reader.peekToken() < 0 ? endsEarly : `invalid JSON in request body: expected ${expected}`;
}

function fault(reader: BodyReader, message: string): BodyFault {
  return { kind: "fault", message: `${message} (byte ${reader.offset})` };
}

function toScan({ members, modelSpans, start, isEmpty }: Findings, shape: BodyShape): ScannedBody | BodyFault {
  const top = readTop(shape, {
    form: (key) => members.get(key)?.form ?? "nothing",
    value: (key) => parse(members.get(key)?.json ?? "null"),
  });
  if (top.kind === "fault") return top;
  const text = members.get(shape.textMember);
  return {
    kind: "ok",
    top,
    modelSpans: modelSpans.length > 0 || isEmpty ? modelSpans : [{ start, end: start }],
    promptSpan: text?.form === "text" ? text.span : undefined,
  };
}

/** Value of a piece of JSON; `undefined` where it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function skipByteOrderMark(reader: BodyReader): void {
  for (const byte of [0xef, 0xbb, 0xbf]) {
    if (reader.peek() !== byte) return;
    reader.step();
  }
}
