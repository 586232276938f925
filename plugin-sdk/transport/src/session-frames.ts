import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { OutriderError } from "@outrider/core/contract";
import {
  ScoreBatchResultSchema,
  ScoreBatchSchema,
  type SessionRequest,
  SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from "@outrider/protos/scorer";
import { batchTag } from "./frame-writer.ts";
import { encodeFrame } from "./grpc-frames.ts";
import { WireReader } from "./wire-reader.ts";

/** What the host may send. */
export type RequestFrame = NonNullable<MessageInitShape<typeof SessionRequestSchema>["frame"]>;

/** What the plugin may send. */
export type ResponseFrame = NonNullable<MessageInitShape<typeof SessionResponseSchema>["frame"]>;

/** The bytes of a `ScoreBatch` or `ScoreBatchResult`, left for the decoder of the hot path. */
export interface BatchBytes {
  /** Tells it from other frames. */
  readonly kind: "batch";
  /** Message that holds it. */
  readonly message: Buffer;
  /** Where in `message` it begins and ends. */
  readonly from: number;
  /** Where it ends. */
  readonly to: number;
}

/** A frame that came: a batch, which nearly all of them are, as bytes, anything else as a message. */
export type IncomingFrame<F> = BatchBytes | { readonly kind: "other"; readonly frame: F };

/** A frame of the host with its gRPC header. */
export function encodeRequest(frame: RequestFrame): Buffer {
  return encodeFrame(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame })));
}

/** A frame of the plugin with its gRPC header. */
export function encodeResponse(frame: ResponseFrame): Buffer {
  return encodeFrame(toBinary(SessionResponseSchema, create(SessionResponseSchema, { frame })));
}

/** @throws {OutriderError} `PROTOCOL_VIOLATION` where `message` is no `SessionRequest`. */
export function decodeRequest(message: Buffer): IncomingFrame<SessionRequest["frame"]> {
  const batch = batchOf(message);
  if (batch !== undefined) return batch;
  const { frame } = refusing(() => fromBinary(SessionRequestSchema, message), "SessionRequest");
  return frame.case === "score" ? wholeBatch(toBinary(ScoreBatchSchema, frame.value)) : { kind: "other", frame };
}

/** @throws {OutriderError} `PROTOCOL_VIOLATION` where `message` is no `SessionResponse`. */
export function decodeResponse(message: Buffer): IncomingFrame<SessionResponse["frame"]> {
  const batch = batchOf(message);
  if (batch !== undefined) return batch;
  const { frame } = refusing(() => fromBinary(SessionResponseSchema, message), "SessionResponse");
  return frame.case === "scores" ? wholeBatch(toBinary(ScoreBatchResultSchema, frame.value)) : { kind: "other", frame };
}

/** The batch in a frame that consists of it alone; `undefined` for any other. */
function batchOf(message: Buffer): BatchBytes | undefined {
  if (message[0] !== batchTag) return undefined;
  const reader = new WireReader(message);
  reader.at = 1;
  const to = reader.block();
  return to === message.length ? { kind: "batch", message, from: reader.at, to } : undefined;
}

/** The batch of a frame that holds something else besides. */
function wholeBatch(bytes: Uint8Array): BatchBytes {
  return { kind: "batch", message: Buffer.from(bytes), from: 0, to: bytes.length };
}

function refusing<T>(read: () => T, what: string): T {
  try {
    return read();
  } catch (cause) {
    throw new OutriderError("PROTOCOL_VIOLATION", `frame is no ${what}`, { cause });
  }
}
