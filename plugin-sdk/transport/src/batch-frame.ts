import { frameHeaderBytes, writeFrameHeader } from "./grpc-frames.ts";
import { varintBytes, type WireWriter, wireType } from "./wire-writer.ts";

/** Tag of `SessionRequest.score` and of `SessionResponse.scores`: the field has the same number on both sides. */
export const batchTag = (4 << 3) | wireType.bytes;

/** Room in front of a batch for its frame header, tag and length. */
export const batchPrefixBytes = frameHeaderBytes + 6;

/** A batch that holds as much is sent without waiting for more. */
export const fullBatchBytes = 128 * 1024;

/** Writes tag, length and frame header right in front of the batch that was begun with {@link batchPrefixBytes}. */
export function finishBatch(writer: WireWriter): Buffer {
  const { bytes, start, at: end } = writer;
  const batchBytes = end - start - batchPrefixBytes;
  const headBytes = 1 + varintBytes(batchBytes);
  const messageAt = start + batchPrefixBytes - headBytes;
  writer.at = messageAt;
  writer.varint(batchTag);
  writer.varint(batchBytes);
  writer.at = end;
  writeFrameHeader(bytes, messageAt - frameHeaderBytes, headBytes + batchBytes);
  return bytes.subarray(messageAt - frameHeaderBytes, end);
}
