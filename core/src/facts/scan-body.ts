import type { ByteSpan } from "../rewrite/replace-spans.ts";
import { type BodyMark, BodyReader } from "./body-reader.ts";
import { anyShape, type BodyShape, type MemberForm, membersOf, type NotedMembers } from "./body-shape.ts";

/** What the top level of a request's body tells, without parsing it. */
export interface ScannedBody {
  readonly kind: "ok";
  /** Whether nothing was looked at: the body may be anything, and nothing of it is told. */
  readonly isOpaque: boolean;
  /** `model`; empty where there is none. */
  readonly model: string;
  /**
   * Where the values of `model` stand, in order; several where the key repeats. One of no length where a member that
   * names the model could be put; none where it could not.
   */
  readonly modelSpans: readonly ByteSpan[];
  /** `stream`; false where it is no boolean. */
  readonly stream: boolean;
  /** Output cap in tokens, of the first member that has one; 0 where none is a whole number above 0. */
  readonly maxOutputTokens: number;
  /** Keeps the prefix cache apart; empty where it is no string. */
  readonly cacheSalt: string;
  /** Where the text stands that is the prompt as it is, with its quotes; `undefined` where there is none such. */
  readonly promptSpan: ByteSpan | undefined;
}

/** A body that no model server could read either. */
export interface BodyFault {
  readonly kind: "fault";
  /** What is wrong with it, for the client. */
  readonly message: string;
}

/** What is told of a body that nobody looks into. */
export const opaqueBody: ScannedBody = {
  kind: "ok",
  isOpaque: true,
  model: "",
  modelSpans: [],
  stream: false,
  maxOutputTokens: 0,
  cacheSalt: "",
  promptSpan: undefined,
};

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const MAX_UINT32 = 2 ** 32 - 1;

/** A member that was found; the last one where its key repeats, as `JSON.parse` has it. */
interface Member {
  /** Its value as JSON, where it is read; else empty. */
  readonly json: string;
  readonly form: "text" | "list" | "empty" | "other";
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

function formOf(first: number, span: ByteSpan, isEmptyList: boolean, json: string): Member["form"] {
  if (first === QUOTE) return span.end - span.start > quotes ? "text" : "empty";
  if (first === OPEN_BRACKET) return isEmptyList ? "empty" : "list";
  return json === "null" ? "empty" : "other";
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
  const required = Object.entries(shape.required);
  if (required.length > 0 && !required.some(([key, form]) => isThere(members.get(key), form))) {
    return { kind: "fault", message: shape.refusal };
  }
  const jsonOf = (key: string) => parse(members.get(key)?.json ?? "null");
  const named = jsonOf("model");
  const model = named === null ? "" : named;
  if (typeof model !== "string") return { kind: "fault", message: "model in request body must be a string" };
  const cacheSalt = jsonOf(shape.cacheSalt);
  const text = members.get(shape.textMember);
  return {
    kind: "ok",
    isOpaque: false,
    model,
    modelSpans: modelSpans.length > 0 || isEmpty ? modelSpans : [{ start, end: start }],
    stream: members.get("stream")?.json === "true",
    maxOutputTokens: readOutputCap(jsonOf, shape),
    cacheSalt: typeof cacheSalt === "string" ? cacheSalt : "",
    promptSpan: text?.form === "text" ? text.span : undefined,
  };
}

function isThere(member: Member | undefined, form: MemberForm): boolean {
  if (member === undefined || member.form === "empty") return false;
  if (form === "anything") return true;
  return member.form === "list" ? form !== "text" : member.form === "text" && form !== "list";
}

function readOutputCap(jsonOf: (key: string) => unknown, { outputCaps, samplingCap }: BodyShape): number {
  const sampling = samplingCap === "" ? undefined : jsonOf("sampling_params");
  const ofSampling = isRecord(sampling) ? toTokens(sampling[samplingCap]) : 0;
  if (ofSampling > 0) return ofSampling;
  for (const key of outputCaps) {
    const tokens = toTokens(jsonOf(key));
    if (tokens > 0) return tokens;
  }
  return 0;
}

function toTokens(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? Math.min(value, MAX_UINT32) : 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
