import type { FeedbackEvent } from "@outrider/core/contract";
import type { SessionClient } from "@outrider/transport";
import { createFeedbackRing } from "./feedback-ring.ts";

/** Where feedback goes once it is sent. */
export type FeedbackSink = Pick<SessionClient, "feedback" | "inflight">;

/** Feedback on its way to one plugin process, over whichever connection there is. */
export interface FeedbackSender {
  /** Queues an event for an instance; sent within {@link gatherMs}. */
  push(instance: number, event: FeedbackEvent): void;
  /**
   * Sends over this connection from now on. `remembers`: the plugin still knows the calls that the queued events are of;
   * otherwise they are forgotten. It gets the true counts of what is in flight, unless it is the first connection and
   * remembers: what an earlier one had taken may have been lost with it.
   */
  attach(sink: FeedbackSink, remembers: boolean): void;
  /** The connection is gone; events wait for the next one. */
  detach(): void;
  /** The stream takes feedback again. */
  resume(): void;
  /** Sends what is queued now, as far as the stream takes it. */
  flush(): void;
  /** Events that wait to be sent. */
  readonly queued: number;
  /** Events lost so far. */
  readonly dropped: number;
}

const eventsPerFrame = 512;
/** Events that come within this time share a frame: each frame wakes the plugin, and nobody waits for feedback. */
export const gatherMs = 5;

/** Queues are per process. `inflight` gives the live counts of requests, for repair behind drops. */
export function createFeedbackSender(inflight: () => Float32Array, onDrop: (count: number) => void): FeedbackSender {
  let sink: FeedbackSink | undefined;
  let hasSent = false;
  let timer: NodeJS.Timeout | undefined;
  let dropped = 0;
  const ring = createFeedbackRing((count) => {
    dropped += count;
    onDrop(count);
  });

  const schedule = () => {
    if (timer !== undefined || sink === undefined) return;
    timer = setTimeout(flush, gatherMs);
  };
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (sink === undefined) return;
    while (ring.size > 0 || ring.dropped > 0) {
      const events = ring.peek(eventsPerFrame);
      if (!sink.feedback(events, ring.dropped)) return;
      hasSent = true;
      ring.dropped = 0;
      ring.remove(events.length);
    }
    if (ring.needsRepair) sink.inflight(inflight());
    ring.needsRepair = false;
  };

  return {
    push(instance, event) {
      ring.push({ instance, event });
      schedule();
    },
    attach(next, remembers) {
      sink = next;
      if (!remembers) ring.clear();
      ring.needsRepair ||= !remembers || hasSent;
      schedule();
    },
    detach() {
      sink = undefined;
    },
    resume: schedule,
    flush,
    get queued() {
      return ring.size;
    },
    get dropped() {
      return dropped;
    },
  };
}
