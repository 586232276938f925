import { z } from "zod";

/** `parameters:` of an `lmetric` scorer: none. */
export const lmetricConfig = z.strictObject({});

/** `parameters:` of an `smg-cache-aware` scorer. */
export const smgCacheAwareConfig = z.strictObject({
  /** Requests by which the busiest endpoint must be ahead of the least busy one for load alone to decide. */
  balanceAbsThreshold: z.number().min(0).default(32),
  /** And by which factor. */
  balanceRelThreshold: z.number().min(1).default(1.1),
  /** Share of the prompt above which the best match decides. */
  cacheThreshold: z.number().min(0).max(1).default(0.5),
  /** Prefix blocks that an endpoint's tree counts at most. */
  maxTreeBlocks: z.int().min(1).default(10_000),
});

/** `parameters:` of an `smg-least-load` scorer. */
export const smgLeastLoadConfig = z.strictObject({
  /** Tokens per second of an endpoint of which none are measured. */
  defaultTokensPerSecond: z.number().gt(0).default(2_000),
  /** Tokens that a queued request counts. */
  tokensPerRequest: z.number().gt(0).default(1_024),
  /** Seconds that a KV cache in use by half counts. */
  kvWeightSeconds: z.number().min(0).default(0.15),
});
