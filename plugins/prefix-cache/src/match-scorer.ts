import { defineScorer } from "@outrider/plugin-sdk";
import { prefixCacheScorerConfig } from "./config.ts";

/**
 * Prefers endpoints that a producer says have the prompt's prefix: `(1 − w) · share + w · min(1, share · tokens ÷ scale)²`,
 * share being matched ÷ total prefix blocks and tokens those of the prompt. Abstains where nothing was produced.
 */
export const prefixCacheScorer = defineScorer({
  type: "prefix-cache-scorer",
  category: "affinity",
  state: "none",
  needs: [
    { key: "data.prefix_match_blocks", required: true },
    { key: "data.prefix_total_blocks", required: true },
    "request.prompt_tokens",
  ],
  config: prefixCacheScorerConfig,
  create: ({ matchLengthWeight, matchLengthScaleTokens }) => ({
    score({ candidates, data, request: { promptTokens } }, scores) {
      const matched = data.get("data.prefix_match_blocks");
      const total = data.get("data.prefix_total_blocks");
      let known = 0;
      for (let i = 0; i < candidates.length; i++) {
        const share = Math.min(matched[i] / total[i], 1);
        if (!(share >= 0)) continue;
        known += 1;
        const length = Math.min(1, (share * promptTokens) / matchLengthScaleTokens);
        scores[i] = (1 - matchLengthWeight) * share + matchLengthWeight * length * length;
      }
      return known === candidates.length ? undefined : `prefix match unknown at ${candidates.length - known}`;
    },
  }),
});
