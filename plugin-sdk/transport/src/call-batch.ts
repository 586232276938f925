import type { CycleCall, EndpointColumns } from "@outrider/core/contract";
import type { ConfigureRequest, ScorerSpec } from "@outrider/protos/scorer";
import { type CallHeader, writeCall } from "./call-encoder.ts";
import { batchTag, finishFrame, framePrefixBytes, fullBatchBytes } from "./frame-writer.ts";
import { maxFrameBytes } from "./grpc-frames.ts";
import { createSentInflight, type SentInflight } from "./inflight-columns.ts";
import { WireWriter } from "./wire-writer.ts";

/** Calls in one frame at most; part of the contract. */
export const maxBatchCalls = 256;

/** Calls in one frame, which leaves room for a whole table of in-flight values. */
const mostBatchBytes = maxFrameBytes - 128 * 1024;

/** Collects the calls of one turn into one `ScoreBatch` frame, with the in-flight values that they are to be seen with. */
export interface CallBatch {
  /** Calls waiting to be taken. */
  readonly size: number;
  /** What the plugin has of the in-flight columns. */
  readonly inflight: SentInflight;
  /** Says how many calls the plugin takes in one frame. */
  setLimit(calls: number): void;
  /** Whether the next call needs a frame of its own: this one is full, or other in-flight values go with it. */
  mustTakeBefore(call: CycleCall): boolean;
  /** Adds a call. False, and nothing is added, where the frame would grow too large. */
  add(call: CycleCall, header: CallHeader): boolean;
  /** The frame, header included; the batch is empty afterwards. */
  take(): Buffer;
}

/** A batch without calls. */
export function createCallBatch(): CallBatch {
  const writer = new WireWriter();
  const inflight = createSentInflight();
  let limit = maxBatchCalls;
  let size = 0;
  let seen: EndpointColumns | undefined;

  return {
    inflight,
    get size() {
      return size;
    },
    setLimit(calls) {
      limit = calls;
    },
    mustTakeBefore(call) {
      if (seen === undefined) return false;
      const isFull = size >= limit || writer.at - writer.start >= fullBatchBytes;
      return isFull || !inflight.isSame(seen, call.columns);
    },
    add(call, header) {
      if (size === 0) writer.begin(framePrefixBytes);
      const heldBytes = writer.at - writer.start;
      writeCall(writer, 1, call, header);
      if (writer.at - writer.start > mostBatchBytes) {
        writer.at = writer.start + heldBytes;
        return false;
      }
      size += 1;
      seen = call.columns;
      return true;
    },
    take() {
      if (seen !== undefined) inflight.write(writer, 2, seen);
      size = 0;
      seen = undefined;
      return finishFrame(writer, batchTag);
    },
  };
}

/** Calls that all configured types take in one frame. @param scorers what the plugin has said of its types. */
export function toBatchLimit(
  scorers: readonly ScorerSpec[],
  { instances }: Pick<ConfigureRequest, "instances">,
): number {
  const types = new Set(instances.map(({ type }) => type));
  const limited = scorers.filter(({ type, maxBatch }) => types.has(type) && maxBatch > 0);
  return Math.min(maxBatchCalls, ...limited.map(({ maxBatch }) => maxBatch));
}
