import type { FeedbackEvent } from "@outrider/core/contract";
import type { InstanceEvent } from "@outrider/transport";

/** Bounded queue between the decisions and a plugin process that may be slow. */
export interface FeedbackRing {
  push(event: InstanceEvent): void;
  /** The oldest events, at most `count`; they stay until {@link remove}. */
  peek(count: number): readonly InstanceEvent[];
  /** Takes the oldest `count` out. */
  remove(count: number): void;
  /** Forgets everything: the plugin that it was for is gone. */
  clear(): void;
  readonly size: number;
  /** Events lost since it was last set to 0. */
  dropped: number;
  /** Whether a pick or an end is among the lost, so that counts that the plugin keeps may be wrong. */
  needsRepair: boolean;
}

/** Events a plugin may be behind. */
export const ringSize = 4096;

/** Holds up to 4,096 events. When it is full, progress goes first, being cumulative; then the newest are dropped. */
export function createFeedbackRing(onDrop: (count: number) => void): FeedbackRing {
  let events: InstanceEvent[] = [];
  let progressCount = 0;
  const drop = (count: number) => {
    ring.dropped += count;
    onDrop(count);
  };
  const makeRoom = () => {
    if (progressCount === 0) return;
    drop(progressCount);
    events = events.filter(({ event }) => event.kind !== "progress");
    progressCount = 0;
  };
  const keep = (kept: InstanceEvent[]) => {
    events = kept;
    progressCount = kept.filter(({ event }) => event.kind === "progress").length;
  };
  const ring: FeedbackRing = {
    dropped: 0,
    needsRepair: false,
    get size() {
      return events.length;
    },
    push(queued) {
      if (events.length >= ringSize) makeRoom();
      if (events.length < ringSize) {
        events.push(queued);
        if (queued.event.kind === "progress") progressCount += 1;
        return;
      }
      drop(1);
      if (isCounted(queued.event)) ring.needsRepair = true;
    },
    peek: (count) => (count >= events.length ? events : events.slice(0, count)),
    remove(count) {
      keep(count >= events.length ? [] : events.slice(count));
    },
    clear() {
      keep([]);
      ring.dropped = 0;
      ring.needsRepair = false;
    },
  };
  return ring;
}

function isCounted({ kind }: FeedbackEvent): boolean {
  return kind === "picked" || kind === "done";
}
