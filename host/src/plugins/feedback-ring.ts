import type { FeedbackEvent } from "@outrider/core/contract";

/** One event on its way to an instance of a plugin. */
export interface QueuedEvent {
  /** Number of the instance within its connection. */
  readonly instance: number;
  readonly event: FeedbackEvent;
}

/** What is taken from the ring at once. */
export interface FeedbackBatch {
  /** In the order they happened. */
  readonly events: readonly QueuedEvent[];
  /** Events dropped since the batch before. */
  readonly dropped: number;
  /** Whether counts that the plugin keeps may be wrong: a pick or an end is among the dropped. */
  readonly needsRepair: boolean;
}

/** Bounded queue between the decisions and a plugin that may be slow. */
export interface FeedbackRing {
  push(instance: number, event: FeedbackEvent): void;
  /** Empties it; `undefined` where there is nothing to say. */
  take(): FeedbackBatch | undefined;
  /** Forgets everything: the plugin that it was for is gone. */
  clear(): void;
  readonly size: number;
}

/** Events a plugin may be behind. */
const ringSize = 4096;

/**
 * Keeps up to 4,096 events. When it is full, progress goes first, being cumulative; then the newest are dropped.
 * @param onDrop told how many were lost.
 */
export function createFeedbackRing(onDrop: (count: number) => void): FeedbackRing {
  let events: QueuedEvent[] = [];
  let dropped = 0;
  let needsRepair = false;

  const drop = (count: number) => {
    dropped += count;
    onDrop(count);
  };
  const makeRoom = () => {
    const kept = events.filter(({ event }) => event.kind !== "progress");
    if (kept.length < events.length) drop(events.length - kept.length);
    events = kept;
  };

  return {
    push(instance, event) {
      if (events.length >= ringSize) makeRoom();
      if (events.length < ringSize) {
        events.push({ instance, event });
        return;
      }
      drop(1);
      if (event.kind === "picked" || event.kind === "done") needsRepair = true;
    },
    take() {
      if (events.length === 0 && dropped === 0) return undefined;
      const batch = { events, dropped, needsRepair };
      events = [];
      dropped = 0;
      needsRepair = false;
      return batch;
    },
    clear() {
      events = [];
      dropped = 0;
      needsRepair = false;
    },
    get size() {
      return events.length;
    },
  };
}
