import {
  createAlwaysDisaggMultimodalDecider,
  createAlwaysDisaggPdDecider,
  createPrefixBasedPdDecider,
} from "@outrider/core";
import { z } from "zod";
import { definePolicy, type PolicyType } from "../policy-type.ts";

/** `parameters:` of a `prefix-based-pd-decider`. */
const prefixBasedPdParameters = z.strictObject({
  /** Prompt tokens not in the decode endpoint's cache, from which on they are computed apart; 0 = never. */
  nonCachedTokens: z.int().min(0).default(0),
  /** Prompts of fewer tokens are never computed apart. */
  promptTokens: z.int().min(0).default(0),
});

const prefixMatch = ["request.prompt_tokens", "data.prefix_match_blocks", "data.prefix_total_blocks"] as const;

/** Types that say whether a stage gets an endpoint of its own. */
export const deciderTypes: readonly PolicyType[] = [
  definePolicy({
    type: "prefix-based-pd-decider",
    about: "Wants a prefill endpoint where too much of the prompt is not in the decode endpoint's cache.",
    parameters: prefixBasedPdParameters,
    explain: ({ nonCachedTokens, promptTokens }) =>
      nonCachedTokens === 0
        ? "never wants a prefill endpoint: nonCachedTokens is 0"
        : `wants a prefill endpoint where ${nonCachedTokens} tokens or more are not in the decode endpoint's cache${
            promptTokens === 0 ? "" : `, for prompts of at least ${promptTokens}`
          }`,
    needs: ({ nonCachedTokens }) => (nonCachedTokens === 0 ? [] : prefixMatch),
    decider: createPrefixBasedPdDecider,
  }),
  definePolicy({
    type: "always-disagg-pd-decider",
    about: "Wants a prefill endpoint for every request.",
    parameters: z.strictObject({}),
    decider: createAlwaysDisaggPdDecider,
  }),
  definePolicy({
    type: "always-disagg-multimodal-decider",
    about: "Wants an encode endpoint for prompts with parts that are no text.",
    parameters: z.strictObject({}),
    needs: () => ["request.multimodal"],
    decider: createAlwaysDisaggMultimodalDecider,
  }),
];
