import { type DescMessage, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import {
  type ScoreResponse,
  ScoreResponseSchema,
  SessionRequestSchema,
  SessionResponseSchema,
} from "@outrider/protos/scorer";

/** A message of a connection, as it travelled. */
export type Frame =
  | {
      /** Which way it went, seen from the host. */
      readonly direction: "sent" | "received";
      /** Encoded `SessionRequest` or `SessionResponse`, or the body of a unary call. */
      readonly message: Uint8Array;
      /** How {@link message} is read. */
      readonly form: "session" | "text";
    }
  | {
      readonly direction: "received";
      readonly form: "answer";
      /** One of the answers in a frame. */
      readonly response: ScoreResponse;
    };

/** Longest text of a frame in a report, in characters. */
const longestText = 1_200;

/** Longest list in the text of a frame, in items. */
const longestList = 24;

/** A frame for people: JSON, long lists and texts cut. */
export function toFrameText(frame: Frame): string {
  switch (frame.form) {
    case "text":
      return cut(`${frame.direction}: ${Buffer.from(frame.message).toString("utf8")}`);
    case "answer":
      return cut(`received: ${JSON.stringify(shorten(toJson(ScoreResponseSchema, frame.response)))}`);
    case "session":
      return cut(`${frame.direction}: ${decode(schemas[frame.direction], frame.message)}`);
  }
}

const schemas = { sent: SessionRequestSchema, received: SessionResponseSchema } as const;

function decode(schema: DescMessage, message: Uint8Array): string {
  try {
    return JSON.stringify(shorten(toJson(schema, fromBinary(schema, message))));
  } catch {
    return `${message.length} bytes that are no ${schema.name}: ${Buffer.from(message.subarray(0, 64)).toString("hex")}`;
  }
}

function shorten(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    const kept = value.slice(0, longestList).map(shorten);
    return value.length > longestList ? [...kept, `… ${value.length - longestList} more`] : kept;
  }
  if (typeof value === "string" && value.length > 120) return `${value.slice(0, 120)}… ${value.length} characters`;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shorten(member)]));
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}… (${text.length} characters)` : text;
}
