import type { DecisionRecorder, DecisionWatch } from "../scheduling/recorder.ts";
import {
  type DecisionFeed,
  type FeedParts,
  type FeedWishes,
  type OpenFeed,
  openDecisionFeed,
} from "./decision-feed.ts";

/** Recordings that are made at once, at most: each costs what it writes. */
export const maxFeeds = 4;

/** All recordings that are made of one host's decisions. */
export interface DecisionFeeds {
  /** Who hears of decisions; `undefined` = nobody records. */
  readonly recorder: DecisionRecorder | undefined;
  /** @returns `undefined` where {@link maxFeeds} are open. */
  open(wishes: FeedWishes): DecisionFeed | undefined;
}

/** Nobody records yet. */
export function createDecisionFeeds(parts: FeedParts): DecisionFeeds {
  const open = new Set<OpenFeed>();
  let recorder: DecisionRecorder | undefined;
  const changed = () => {
    recorder = join([...open].map((feed) => feed.recorder));
  };
  return {
    get recorder() {
      return recorder;
    },
    open(wishes) {
      if (open.size >= maxFeeds) return undefined;
      const feed = openDecisionFeed(parts, wishes);
      open.add(feed);
      changed();
      return {
        next: () => feed.next(),
        get dropped() {
          return feed.dropped;
        },
        end() {
          feed.end();
          open.delete(feed);
          changed();
        },
      };
    },
  };
}

/** One for all; the one itself where there is but one. */
function join(recorders: readonly DecisionRecorder[]): DecisionRecorder | undefined {
  if (recorders.length < 2) return recorders[0];
  return {
    begin(decision) {
      const watches = recorders.flatMap((recorder) => recorder.begin(decision) ?? []);
      return watches.length === 0 ? undefined : joinWatches(watches);
    },
  };
}

function joinWatches(watches: readonly DecisionWatch[]): DecisionWatch {
  return {
    resumed() {
      for (const watch of watches) watch.resumed();
    },
    made(record, circumstances) {
      for (const watch of watches) watch.made(record, circumstances);
    },
    told(event) {
      for (const watch of watches) watch.told(event);
    },
  };
}
