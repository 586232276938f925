import { create, toBinary } from "@bufbuild/protobuf";
import type { FeedbackEvent } from "@outrider/core/contract";
import {
  PushFeedbackRequestSchema,
  ScoreBatchSchema,
  ScoreRequestSchema,
  type SessionRequest,
  SessionRequestSchema,
} from "@outrider/protos/scorer";
import { toWireEvent } from "@outrider/transport";
import type { FrameTaps } from "../frame-taps.ts";

/** Shows in which order plugins on threads are handed calls and events: calls wait until a thread has room. */
export interface PostedOrder {
  asked(plugin: string, callId: number): void;
  told(plugin: string, event: FeedbackEvent): void;
}

/** What stands for the process of a plugin on threads. */
export function toWorkerProcess(plugin: string): string {
  return `worker:${plugin}`;
}

/** As the frames that it would be for a process, of calls their numbers alone; nothing is made where nobody listens. */
export function createPostedOrder(taps: Pick<FrameTaps, "isUsed" | "show">, nowMs: () => number): PostedOrder {
  const show = (plugin: string, frame: SessionRequest["frame"]) => {
    const process = toWorkerProcess(plugin);
    const message = toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame }));
    taps.show({ process, generation: 0, atMs: nowMs(), direction: "sent", message });
  };
  return {
    asked(plugin, callId) {
      if (!taps.isUsed) return;
      const calls = [create(ScoreRequestSchema, { callId })];
      show(plugin, { case: "score", value: create(ScoreBatchSchema, { calls }) });
    },
    told(plugin, event) {
      if (!taps.isUsed) return;
      const events = [toWireEvent({ instance: 0, event })];
      show(plugin, { case: "feedback", value: create(PushFeedbackRequestSchema, { events }) });
    },
  };
}
