import { defineScorer } from "@outrider/plugin-sdk";
import { tokenLoadConfig } from "./config.ts";
import { tellUnknown } from "./tell-unknown.ts";

/**
 * Prefers endpoints with few tokens to compute: `1 − min(t, T) ÷ T`, t being the tokens in flight there and those of
 * this prompt that it has not cached. Abstains where a producer tells neither.
 */
export const tokenLoadScorer = defineScorer({
  type: "token-load-scorer",
  category: "distribution",
  state: "none",
  needs: [
    { key: "data.inflight_tokens", required: true },
    { key: "data.uncached_tokens", required: true },
  ],
  config: tokenLoadConfig,
  create: ({ queueThresholdTokens }) => ({
    score({ candidates, data }, scores) {
      const inflight = data.get("data.inflight_tokens");
      const uncached = data.get("data.uncached_tokens");
      let known = 0;
      for (let i = 0; i < candidates.length; i++) {
        const tokens = inflight[i] + uncached[i];
        if (Number.isNaN(tokens)) continue;
        known += 1;
        scores[i] = tokens <= 0 ? 1 : 1 - Math.min(tokens, queueThresholdTokens) / queueThresholdTokens;
      }
      return tellUnknown("tokens", known, candidates.length);
    },
  }),
});
