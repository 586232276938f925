import { frameHeaderBytes, writeFrameHeader } from "./grpc-frames.ts";
import { varintBytes, type WireWriter, wireType } from "./wire-writer.ts";

/** Tag of `SessionRequest.score` and of `SessionResponse.scores`: the field has the same number on both sides. */
export const batchTag = (4 << 3) | wireType.bytes;

/** Tag of `SessionRequest.state`. */
export const stateTag = (3 << 3) | wireType.bytes;

/** Room in front of the one field of a frame for its header, tag and length. */
export const framePrefixBytes = frameHeaderBytes + 6;

/** A batch that holds as much is sent without waiting for more. */
export const fullBatchBytes = 128 * 1024;

/** Writes tag, length and frame header right in front of the field that was begun with {@link framePrefixBytes}. */
export function finishFrame(writer: WireWriter, tag: number): Buffer {
  const { bytes, start, at: end } = writer;
  const fieldBytes = end - start - framePrefixBytes;
  const headBytes = 1 + varintBytes(fieldBytes);
  const messageAt = start + framePrefixBytes - headBytes;
  writer.at = messageAt;
  writer.varint(tag);
  writer.varint(fieldBytes);
  writer.at = end;
  writeFrameHeader(bytes, messageAt - frameHeaderBytes, headBytes + fieldBytes);
  return bytes.subarray(messageAt - frameHeaderBytes, end);
}
