import { uncachedTokens } from "../../contract/uncached-tokens.ts";
import type { Decider } from "../../cycle/types.ts";

/** `parameters:` of a `prefix-based-pd-decider`. */
export interface PrefixBasedPdOptions {
  /** Prompt tokens that the picked endpoint would have to compute itself, from which on they are computed apart; 0 = never. */
  readonly nonCachedTokens: number;
  /** Prompts with fewer tokens are never computed apart. */
  readonly promptTokens: number;
}

/** Wants a prefill endpoint where the picked one has too little of the prompt in its cache; what is unknown is not cached. */
export function createPrefixBasedPdDecider(
  name: string,
  { nonCachedTokens, promptTokens }: PrefixBasedPdOptions,
): Decider {
  return {
    name,
    type: "prefix-based-pd-decider",
    decide(view, picked) {
      const length = view.facts.promptTokens;
      if (nonCachedTokens === 0 || length < promptTokens || length < nonCachedTokens) return false;
      const matched = view.data("data.prefix_match_blocks", picked);
      const total = view.data("data.prefix_total_blocks", picked);
      return uncachedTokens(length, matched, total) >= nonCachedTokens;
    },
  };
}
