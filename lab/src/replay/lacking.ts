import type { Need } from "@outrider/core";
import type { Facts } from "@outrider/protos/record";

/** Tokens in one prefix block where a need names no size. */
const defaultBlockSizeTokens = 64;

/** Facts that somebody was granted and a recorded request is without, by their keys. */
export function findLacking(granted: readonly Need[], { facts }: Facts): readonly string[] {
  const { promptText = "", tokenIdsU32le, blockSize = 0 } = facts ?? {};
  const lacking = new Set<string>();
  for (const { key, blockSizeTokens = defaultBlockSizeTokens } of granted) {
    if (key === "request.prompt_text" && promptText === "") lacking.add(key);
    if (key === "request.token_ids" && !tokenIdsU32le?.length) lacking.add(key);
    if (key === "request.block_hashes" && blockSize !== blockSizeTokens) {
      lacking.add(`${key} of ${blockSizeTokens} tokens`);
    }
  }
  return [...lacking];
}
