import { defineScorer } from "@outrider/plugin-sdk";
import { prefixCacheConfig } from "./config.ts";
import { createLearnedPrefixes, type Learners } from "./learned-prefixes.ts";

/**
 * Prefers endpoints that have the prompt's prefix in their cache: `score = matched ÷ total` prefix blocks, as an index
 * of its own believes, which learns from where requests were sent and what became of them. Abstains for prompts without a whole block.
 */
export const prefixCache = defineScorer({
  type: "prefix-cache",
  category: "affinity",
  state: "local",
  needs: [
    { key: "request.block_hashes", required: true },
    "kv_total_blocks",
    "kv_block_tokens",
    { key: "events.picked", required: true },
    "events.done",
    "events.answer_blocks",
  ],
  config: prefixCacheConfig,
  create: (config) => {
    const prefixes = createLearnedPrefixes({ ...config, readsCapacity: true }, learners);
    return {
      score(call, scores) {
        const found = prefixes.match(call);
        if (found === undefined) return "no whole prefix block";
        const { matched, total } = found;
        for (let i = 0; i < scores.length; i++) scores[i] = matched[i] / total;
        return undefined;
      },
      feedback: (event) => prefixes.feedback(event),
      endpointsChanged: (change) => prefixes.endpointsChanged(change),
      handoff: () => prefixes.handoff(),
      restore: (handoff) => prefixes.restore(handoff),
    };
  },
});

/** Endpoints that compute the prompt: where the request goes, and the pick of the profile that asked. */
const learners: Learners = ({ slot, picks }, { profile }) => {
  const own = picks.find((pick) => pick.profile === profile)?.slot ?? slot;
  return own === slot ? [slot] : [slot, own];
};
