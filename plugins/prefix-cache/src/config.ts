import { z } from "zod";

/** `parameters:` of a `prefix-cache` scorer. */
export const prefixCacheConfig = z.strictObject({
  /** Longest prefix matched and learned per request, in tokens. */
  maxPrefixTokens: z.int().min(1).default(131_072),
  /** Tokens that an endpoint is believed to hold where its metrics do not tell the size of its KV cache. */
  defaultCapacityTokens: z.int().min(1).default(2_000_000),
  /** Blocks remembered, one that several endpoints hold counted for each. */
  maxBlocks: z.int().min(1).default(10_000_000),
});

/** `parameters:` of an `approx-prefix-cache-producer`, as in the reference EPP. */
export const approxPrefixCacheConfig = z.strictObject({
  /** Whether the metrics of an endpoint tell how much its KV cache holds. */
  autoTune: z.boolean().default(true),
  /** Tokens in one prefix block; matching is by blocks of 64 tokens whatever is written, the reference's least. */
  blockSizeTokens: z.int().min(1).default(16),
  /** Older name of `blockSizeTokens`, in characters; without effect. */
  blockSize: z.int().min(1).optional(),
  /** Longest prefix matched and learned per request, in tokens; 0 = no limit. */
  maxPrefixTokensToMatch: z.int().min(0).default(131_072),
  /** The same in blocks of 64 tokens; 0 = no limit. */
  maxPrefixBlocksToMatch: z.int().min(0).default(2_048),
  /** Blocks of 64 tokens that an endpoint is believed to hold where its metrics do not tell, or are not asked. */
  lruCapacityPerServer: z.int().min(1).default(31_250),
});

/** `parameters:` of a `prefix-cache-scorer`, as in the reference EPP. */
export const prefixCacheScorerConfig = z.strictObject({
  /** Share of the score that grows with the length of the match, in [0, 1]. */
  matchLengthWeight: z.number().min(0).max(1).default(0),
  /** Length of a match, in tokens, from which it counts in full. */
  matchLengthScaleTokens: z.number().gt(0).default(8_192),
  /** Name of the producer; one writes a value for all, so that this only says what is meant. */
  prefixMatchInfoProducerName: z.string().default(""),
});
