import type { ByteSpan } from "../rewrite/replace-spans.ts";
import { type BodyMark, BodyReader } from "./body-reader.ts";

/** What the top level of a request's body tells, without parsing it. */
export interface ScannedBody {
  readonly kind: "ok";
  /** `model`, never empty. */
  readonly model: string;
  /** Where the values of `model` stand, in order; several where the key repeats. */
  readonly modelSpans: readonly ByteSpan[];
  /** `stream`; false where it is no boolean. */
  readonly stream: boolean;
  /** `max_completion_tokens`, else `max_tokens`, else `max_output_tokens`; 0 where none is a whole number above 0. */
  readonly maxOutputTokens: number;
  /** `cache_salt`; empty where it is no string. */
  readonly cacheSalt: string;
  /** Where the value of `prompt` stands, with its quotes; `undefined` where it is no string. */
  readonly promptSpan: ByteSpan | undefined;
  /** Whether there are `messages`. */
  readonly hasMessages: boolean;
}

/** A body that no model server could read either. */
export interface BodyFault {
  readonly kind: "fault";
  /** What is wrong with it, for the client. */
  readonly message: string;
}

/** Message for a body without a model, as the reference EPP words it. */
export const modelNotFound = "model not found in request body";

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const LONGEST_ESCAPE = "\\u0000".length;

const wanted = ["model", "stream", "max_completion_tokens", "max_tokens", "max_output_tokens", "cache_salt"] as const;
const noted = [...wanted, "prompt", "messages"] as const;
type WantedKey = (typeof wanted)[number];
type NotedKey = (typeof noted)[number];
const longestKeyBytes = Math.max(...noted.map((key) => key.length)) * LONGEST_ESCAPE;

/** Values of the wanted keys as JSON; the last one where a key repeats, as `JSON.parse` has it. */
type WantedValues = { [key in WantedKey]?: string } & {
  readonly modelSpans: ByteSpan[];
  promptSpan: ByteSpan | undefined;
  hasMessages: boolean;
};

/**
 * Reads a few values at the top level of a JSON body. A fault inside a value that it does not read goes unnoticed, and
 * on to the model server; a byte order mark is skipped.
 */
export function scanBody(chunks: readonly Uint8Array[]): ScannedBody | BodyFault {
  const reader = new BodyReader(chunks);
  skipByteOrderMark(reader);
  if (!reader.take(OPEN_BRACE)) return fault(reader, "request body is not a JSON object");
  const values: WantedValues = { modelSpans: [], promptSpan: undefined, hasMessages: false };
  const message = readMembers(reader, values);
  return message === undefined ? toFacts(values) : fault(reader, message);
}

/** Goes from behind the opening brace to the end of the body; returns what is wrong on the way. */
function readMembers(reader: BodyReader, values: WantedValues): string | undefined {
  if (!reader.take(CLOSE_BRACE)) {
    do {
      const message = readMember(reader, values);
      if (message !== undefined) return message;
    } while (reader.take(COMMA));
    if (!reader.take(CLOSE_BRACE)) return unexpected(reader, "',' or '}' after a value");
  }
  return reader.peekToken() < 0 ? undefined : unexpected(reader, "nothing behind the JSON object");
}

function readMember(reader: BodyReader, values: WantedValues): string | undefined {
  if (!reader.take(QUOTE)) return unexpected(reader, "a key in quotes");
  const keyStart = reader.mark();
  if (!reader.skipString()) return endsEarly;
  const key = readKey(reader, keyStart);
  if (!reader.take(COLON)) return unexpected(reader, "':' after a key");
  const first = reader.peekToken();
  const start = reader.mark();
  if (!skipValue(reader, first)) return endsEarly;
  if (reader.offset === start.offset) return unexpected(reader, "a value");
  if (key !== undefined) note(key, reader, { first, start }, values);
  return undefined;
}

/** Keeps what is wanted of a value that the reader stands behind. */
function note(
  key: NotedKey,
  reader: BodyReader,
  value: { readonly first: number; readonly start: BodyMark },
  values: WantedValues,
): void {
  const span = { start: value.start.offset, end: reader.offset };
  if (key === "messages") {
    values.hasMessages = true;
  } else if (key === "prompt") {
    values.promptSpan = value.first === QUOTE ? span : undefined;
  } else {
    values[key] = reader.textSince(value.start);
    if (key === "model") values.modelSpans.push(span);
  }
}

function skipValue(reader: BodyReader, first: number): boolean {
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return reader.skipContainer();
  if (first !== QUOTE) return reader.skipScalar();
  reader.step();
  return reader.skipString();
}

function readKey(reader: BodyReader, start: BodyMark): NotedKey | undefined {
  const closingQuote = 1;
  if (reader.offset - start.offset - closingQuote > longestKeyBytes) return undefined;
  const raw = reader.textSince(start, closingQuote);
  const key = raw.includes("\\") ? parse(`"${raw}"`) : raw;
  return noted.find((name) => name === key);
}

const endsEarly = "request body ends early";

function unexpected(reader: BodyReader, expected: string): string {
  return reader.peekToken() < 0 ? endsEarly : `invalid JSON in request body: expected ${expected}`;
}

function fault(reader: BodyReader, message: string): BodyFault {
  return { kind: "fault", message: `${message} (byte ${reader.offset})` };
}

function toFacts(values: WantedValues): ScannedBody | BodyFault {
  const model = parse(values.model ?? "null");
  if (model === null || model === "") return { kind: "fault", message: modelNotFound };
  if (typeof model !== "string") return { kind: "fault", message: "model in request body must be a string" };
  const cacheSalt = parse(values.cache_salt ?? '""');
  return {
    kind: "ok",
    model,
    modelSpans: values.modelSpans,
    stream: values.stream === "true",
    maxOutputTokens:
      toTokens(values.max_completion_tokens) || toTokens(values.max_tokens) || toTokens(values.max_output_tokens),
    cacheSalt: typeof cacheSalt === "string" ? cacheSalt : "",
    promptSpan: values.promptSpan,
    hasMessages: values.hasMessages,
  };
}

function toTokens(text: string | undefined): number {
  const tokens = text === undefined ? 0 : parse(text);
  return typeof tokens === "number" && Number.isInteger(tokens) && tokens > 0 ? Math.min(tokens, 2 ** 32 - 1) : 0;
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
