import { toWireEvent } from "./feedback-codec.ts";
import type { RequestFrame } from "./session-frames.ts";
import type { InstanceEvent } from "./session-types.ts";

/** Events in one frame at most. */
const eventsPerFrame = 256;

/** Events as frames, one at least; `dropped` travels with the first. */
export function toFeedbackFrames(
  events: readonly InstanceEvent[],
  dropped: number,
  epoch: number,
): readonly RequestFrame[] {
  const frames: RequestFrame[] = [];
  for (let from = 0; from === 0 || from < events.length; from += eventsPerFrame) {
    const part = events.slice(from, from + eventsPerFrame).map(toWireEvent);
    frames.push({ case: "feedback", value: { epoch, events: part, dropped: from === 0 ? dropped : 0 } });
  }
  return frames;
}

/** True counts of what is in flight, indexed by slot. */
export function toInflightFrame(requests: Float32Array): RequestFrame {
  const slots = Array.from(requests.keys()).filter((slot) => requests[slot]! > 0);
  return { case: "inflight", value: { slots, counts: slots.map((slot) => requests[slot]!) } };
}
