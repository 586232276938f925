import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";
import { SessionRequestSchema, SessionResponseSchema } from "@outrider/protos/scorer";
import type { FrameListener } from "../plugins/types.ts";

/** Frames of plugins' connections, for one caller. */
export interface FrameFeed {
  /** Next frames as entries of a recording, in order; waits for the first of them. Empty = the feed was ended. */
  next(): Promise<readonly RecordEntry[]>;
  /** Frames that were missed so far, because the caller was too slow. */
  readonly dropped: number;
  /** Hears no more; what waits gets nothing. */
  end(): void;
}

/** Bytes of frames that wait for one caller, at most. */
const maxWaitingBytes = 16 * 1024 * 1024;
/** Longest part kept of what is no message. */
const maxInvalidBytes = 64 * 1024;

type Frame = Parameters<FrameListener>[0];

/**
 * Listens at once, and anew behind frames that were missed: what follows is understood again, since a listener is shown
 * how connections began and the whole table.
 * @param tap of the plugin runtime.
 * @param processes only these; empty = all.
 */
export function createFrameFeed(
  tap: (listener: FrameListener) => () => void,
  processes: readonly string[],
  limitBytes = maxWaitingBytes,
): FrameFeed {
  const wanted = new Set(processes);
  let waiting: RecordEntry[] = [];
  let bytes = 0;
  let dropped = 0;
  let isEnded = false;
  /** A frame was missed: the next ones mean nothing without it. */
  let hasGap = false;
  let wake = () => {};
  const hear: FrameListener = (frame) => {
    if (isEnded || (wanted.size > 0 && !wanted.has(frame.process))) return;
    if (hasGap || (waiting.length > 0 && bytes + frame.message.length > limitBytes)) {
      hasGap = true;
      dropped += 1;
      return;
    }
    bytes += frame.message.length;
    waiting.push(toEntry(frame));
    wake();
  };
  let endTap = tap(hear);
  const listenAnew = () => {
    hasGap = false;
    endTap();
    endTap = tap(hear);
  };
  return {
    async next() {
      if (waiting.length === 0 && !isEnded) await new Promise<void>((resolve) => (wake = resolve));
      const taken = waiting;
      waiting = [];
      bytes = 0;
      if (hasGap && !isEnded) listenAnew();
      return taken;
    },
    get dropped() {
      return dropped;
    },
    end() {
      isEnded = true;
      waiting = [];
      endTap();
      wake();
    },
  };
}

function toEntry({ process, generation, atMs, direction, message }: Frame): RecordEntry {
  const value = { process, generation, atMs, frame: toMessage(direction, message) };
  return create(RecordSchema, { entry: { case: "frame", value } });
}

type FrameValue = NonNullable<
  Extract<MessageInitShape<typeof RecordSchema>["entry"], { case: "frame" }>["value"]["frame"]
>;

/** Copies what it keeps: the bytes are the connection's. */
function toMessage(direction: Frame["direction"], message: Uint8Array): FrameValue {
  const own = Uint8Array.from(message);
  try {
    if (direction === "sent") return { case: "sent", value: fromBinary(SessionRequestSchema, own) };
    return { case: "received", value: fromBinary(SessionResponseSchema, own) };
  } catch {
    return { case: "invalid", value: own.subarray(0, maxInvalidBytes) };
  }
}
