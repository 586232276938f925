import type { CycleCall } from "@outrider/core/contract";
import { type CallHeader, writeCall } from "./call-encoder.ts";
import { WireWriter } from "./wire-writer.ts";

/** Collects calls into one bare `ScoreBatch`, for readers that are reached without frames. */
export interface CallBytes {
  /** Appends a call, with what its header grants of it. */
  add(call: CycleCall, header: CallHeader): void;
  /** The message, in memory of its own; nothing is collected afterwards. */
  take(): Uint8Array;
}

/** A message without calls. */
export function createCallBytes(): CallBytes {
  const writer = new WireWriter();
  let isEmpty = true;
  return {
    add(call, header) {
      if (isEmpty) writer.begin(0);
      isEmpty = false;
      writeCall(writer, 1, call, header);
    },
    take() {
      if (isEmpty) return new Uint8Array(0);
      isEmpty = true;
      // A view would be posted with the whole slab behind it.
      return new Uint8Array(writer.bytes.subarray(writer.start, writer.at));
    },
  };
}
