import { z } from "zod";

/** `parameters:` of a `prefix-cache` scorer. */
export const prefixCacheConfig = z.strictObject({
  /** Longest prefix matched and learned per request, in tokens. */
  maxPrefixTokens: z.int().min(1).default(131_072),
  /** Tokens that an endpoint is believed to hold where its metrics do not tell the size of its KV cache. */
  defaultCapacityTokens: z.int().min(1).default(2_000_000),
});
