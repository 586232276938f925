import { defineScorer } from "@outrider/plugin-sdk";
import { lmetricConfig } from "./config.ts";
import { preferLeast } from "./prefer-least.ts";

/**
 * LMetric (arXiv 2603.15202): the least of new prefill tokens × batch size, `least ÷ product` as a score. New are the
 * prompt tokens under way at the endpoint and those of this prompt that it has not cached; the batch are the requests
 * that run there, this one with them. Abstains where either is unknown.
 */
export const lmetric = defineScorer({
  type: "lmetric",
  category: "balance",
  state: "none",
  needs: [
    "running_requests",
    "inflight_requests",
    "inflight_prompt_tokens",
    { key: "data.uncached_tokens", required: true },
  ],
  config: lmetricConfig,
  create: () => ({
    score({ candidates, columns, data }, scores) {
      const { runningRequests, inflightRequests, inflightPromptTokens } = columns;
      const uncached = data.get("data.uncached_tokens");
      for (let i = 0; i < candidates.length; i++) {
        const slot = candidates[i];
        const batch = Math.max(runningRequests[slot], inflightRequests[slot]) + 1;
        scores[i] = (inflightPromptTokens[slot] + uncached[i]) * batch;
      }
      const unknown = candidates.length - preferLeast(scores);
      return unknown === 0 ? undefined : `tokens or batch unknown at ${unknown} of ${candidates.length}`;
    },
  }),
});
