/** Most tokens in one of the host's prefix blocks. */
const blockTokens = 64;

/**
 * Tokens of a prompt that are left to compute where an endpoint holds its leading blocks.
 * @param promptTokens tokens of the whole prompt, at least 0.
 * @param matchedBlocks `data.prefix_match_blocks`; `NaN` = unknown, which is none.
 * @param totalBlocks `data.prefix_total_blocks`; `NaN` where the match is.
 */
export function uncachedTokens(promptTokens: number, matchedBlocks: number, totalBlocks: number): number {
  // Where the prompt has more blocks than of this size, they are smaller.
  const cached = matchedBlocks * Math.min(blockTokens, promptTokens / totalBlocks);
  return cached > 0 ? Math.max(0, promptTokens - cached) : promptTokens;
}
