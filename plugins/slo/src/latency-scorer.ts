import { defineScorer, type ScoreCall } from "@outrider/plugin-sdk";
import type { z } from "zod";
import { scoreComposite } from "./composite-score.ts";
import { latencyScorerConfig } from "./config.ts";
import { createHeadroomScore } from "./headroom-score.ts";

/**
 * Prefers endpoints by headroom, target − predicted TTFT and TPOT, as the reference EPP does: of those that meet the
 * targets the one with least (or most) to spare, else idle ones, else those that miss by least; without a target the
 * fastest. Where nothing is predicted it weighs free KV cache, queue and cached prefix.
 */
export const latencyScorer = defineScorer({
  type: "latency-scorer",
  category: "balance",
  state: "none",
  needs: [
    "request.slo",
    "data.predicted_ttft_ms",
    "data.predicted_tpot_ms",
    "data.prefix_match_blocks",
    "data.prefix_total_blocks",
    "waiting_requests",
    "kv_cache_usage",
    "inflight_requests",
  ],
  config: latencyScorerConfig,
  create: (config) => {
    const headroom = createHeadroomScore(config);
    return {
      score(call, scores) {
        const { length } = call.candidates;
        const known = headroom(call, scores);
        if (known === 0) return scoreWithout(call, config, scores);
        return known === length ? undefined : `nothing predicted at ${length - known} of ${length}`;
      },
    };
  },
});

function scoreWithout(call: ScoreCall, config: z.output<typeof latencyScorerConfig>, scores: Float32Array): string {
  const { compositeKVWeight: kv, compositeQueueWeight: queue, compositePrefixWeight: prefix } = config;
  const known = scoreComposite(call, { kv, queue, prefix }, scores);
  if (known > 0) return "nothing predicted: by KV cache, queue and prefix";
  return "nothing predicted, KV cache, queue and prefix unknown";
}
