import { defineScorer, type FeedbackEvent, type ScoreCall } from "@outrider/plugin-sdk";
import { smgCacheAwareConfig } from "./config.ts";
import { createTreeSizes } from "./tree-sizes.ts";

/**
 * SMG's cache_aware with its approximate tree: where the busiest candidate is ahead of the least busy one by more than
 * both thresholds, the least busy; else the best match where that is above a share of the prompt; else the endpoint with
 * the smallest tree. What decides scores 1, the others in their order. Requests in flight are the load.
 */
export const smgCacheAware = defineScorer({
  type: "smg-cache-aware",
  category: "balance",
  state: "local",
  needs: [
    "inflight_requests",
    { key: "data.prefix_match_blocks", required: true },
    { key: "data.prefix_total_blocks", required: true },
    { key: "events.picked", required: true },
  ],
  config: smgCacheAwareConfig,
  create: ({ balanceAbsThreshold, balanceRelThreshold, cacheThreshold, maxTreeBlocks }) => {
    const trees = createTreeSizes(maxTreeBlocks);
    return {
      score(call, scores) {
        const { candidates, columns, data } = call;
        const loads = columns.inflightRequests;
        const matched = data.get("data.prefix_match_blocks");
        const total = data.get("data.prefix_total_blocks");
        trees.asked(call.callId, candidates, matched, total);
        const { least, most } = rangeOf(loads, candidates);
        if (most - least > balanceAbsThreshold && most > balanceRelThreshold * least) {
          for (let i = 0; i < scores.length; i++) scores[i] = (most - loads[candidates[i]]) / (most - least);
          return "by load";
        }
        const best = bestShare(matched, total);
        if (best > cacheThreshold) {
          for (let i = 0; i < scores.length; i++) scores[i] = Math.min(1, matched[i] / total[i] / best) || 0;
          return "by match";
        }
        writeSmallest(trees.size, candidates, scores);
        return "by size of the tree";
      },
      feedback(event: FeedbackEvent) {
        if (event.kind === "picked") trees.sent(event.callId, event.slot);
        else if (event.kind === "done") trees.done(event.callId);
      },
      endpointsChanged({ removedSlots }) {
        trees.forget(removedSlots);
      },
    };
  },
});

function rangeOf(loads: Float32Array, candidates: ScoreCall["candidates"]) {
  let least = Infinity;
  let most = 0;
  for (const slot of candidates) {
    const load = loads[slot];
    if (load < least) least = load;
    if (load > most) most = load;
  }
  return { least, most };
}

function bestShare(matched: Float32Array, total: Float32Array): number {
  let best = 0;
  for (let i = 0; i < matched.length; i++) {
    const share = matched[i] / total[i];
    if (share > best) best = share;
  }
  return best;
}

function writeSmallest(sizeOf: (slot: number) => number, candidates: ScoreCall["candidates"], scores: Float32Array) {
  let smallest = Infinity;
  for (const slot of candidates) {
    const size = sizeOf(slot);
    if (size < smallest) smallest = size;
  }
  for (let i = 0; i < scores.length; i++) scores[i] = (smallest + 1) / (sizeOf(candidates[i]) + 1);
}
