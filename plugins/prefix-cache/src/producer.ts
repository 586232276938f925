import { defineProducer } from "@outrider/plugin-sdk";
import type { z } from "zod";
import { approxPrefixCacheConfig } from "./config.ts";
import { createLearnedPrefixes, type Learners, type PrefixLimits } from "./learned-prefixes.ts";

/** Blocks remembered, one that several endpoints hold counted for each; the reference EPP has no such limit. */
const maxBlocks = 10_000_000;
/** Tokens in one of the host's prefix blocks, and the least that the reference EPP makes of any setting. */
const blockTokens = 64;

/**
 * Tells how many leading prefix blocks of the prompt each candidate is believed to hold, and how many there are, for all
 * who read them: one index for scorers, filters and deciders. Writes nothing for prompts without a whole block.
 */
export const approxPrefixCacheProducer = defineProducer({
  type: "approx-prefix-cache-producer",
  state: "local",
  needs: [
    { key: "request.block_hashes", required: true, blockSizeTokens: blockTokens },
    "kv_total_blocks",
    "kv_block_tokens",
    { key: "events.picked", required: true },
    "events.done",
    "events.answer_blocks",
  ],
  produces: ["data.prefix_match_blocks", "data.prefix_total_blocks"],
  config: approxPrefixCacheConfig,
  create: (config) => {
    const prefixes = createLearnedPrefixes(toLimits(config), learners);
    return {
      produce(call, [matchBlocks, totalBlocks]) {
        const found = prefixes.match(call);
        if (found === undefined) return "no whole prefix block";
        const { matched, total } = found;
        for (let i = 0; i < matchBlocks.length; i++) matchBlocks[i] = matched[i];
        totalBlocks.fill(total);
        return undefined;
      },
      feedback: (event) => prefixes.feedback(event),
      endpointsChanged: (change) => prefixes.endpointsChanged(change),
      handoff: () => prefixes.handoff(),
      restore: (handoff) => prefixes.restore(handoff),
    };
  },
});

function toLimits(config: z.output<typeof approxPrefixCacheConfig>): PrefixLimits {
  const { autoTune, lruCapacityPerServer, maxPrefixTokensToMatch, maxPrefixBlocksToMatch } = config;
  const byBlocks = maxPrefixBlocksToMatch * blockTokens;
  return {
    maxPrefixTokens: Math.min(maxPrefixTokensToMatch || Infinity, byBlocks || Infinity),
    defaultCapacityTokens: lruCapacityPerServer * blockTokens,
    maxBlocks,
    readsCapacity: autoTune,
  };
}

/** Endpoints that compute the prompt: every pick but that of a profile that encodes images. */
const learners: Learners = ({ slot, picks }) => {
  const computing = picks.filter(({ profile }) => profile !== "encode").map((pick) => pick.slot);
  return [...new Set([slot, ...computing])];
};
