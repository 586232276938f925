import { createPrefixCacheAffinityFilter, createSloHeadroomTierFilter } from "@outrider/core";
import { z } from "zod";
import { inFlightLoadProducerName, toProducerRefs } from "../common-parameters.ts";
import { definePolicy } from "../policy-type.ts";

const chance = z.number().min(0).max(1);

/** A filter by what is predicted and the request's targets. */
export const sloHeadroomTierFilter = definePolicy({
  type: "slo-headroom-tier-filter",
  about: "Keeps the endpoints that are predicted to meet the request's TTFT and TPOT targets; all where none is.",
  parameters: z.strictObject({
    /** Share of the requests that go to the others instead, so that those that do better again are noticed. */
    epsilonExploreNeg: chance.default(0.01),
  }),
  needs: () => ["request.slo", "data.predicted_ttft_ms", "data.predicted_tpot_ms"],
  explain: ({ epsilonExploreNeg }) =>
    `keeps the endpoints that are predicted to meet the request's targets, the others for ${epsilonExploreNeg} of them`,
  filter: createSloHeadroomTierFilter,
});

/** A filter by what of the prompt is cached. */
export const prefixCacheAffinityFilter = definePolicy({
  type: "prefix-cache-affinity-filter",
  about:
    "Keeps the endpoints that have the prompt's prefix cached; all where none has or their TTFT is too much longer.",
  parameters: z.strictObject({
    /** Cached share of the prompt's prefix blocks from which an endpoint counts as having it. */
    affinityThreshold: z.number().gt(0).max(1).default(0.8),
    /** Share of the requests for which the prefix does not count. */
    explorationProbability: chance.default(0),
    /** TTFT that having the prefix may cost against the best of the others, in ms; 0 = any. */
    maxTTFTPenaltyMs: z.number().min(0).default(18_000),
    /** Where TTFT is taken from: prompt tokens in flight by `peakPrefillThroughput`, or predictions. */
    ttftSource: z.enum(["prefillThroughput", "latencyPredictor"]).default("prefillThroughput"),
    /** Prompt tokens a second that an endpoint computes. */
    peakPrefillThroughput: z.number().gt(0).default(15_928),
    /** Name of the producer of prefix matches; one writes for all, so that this only says what is meant. */
    prefixMatchInfoProducerName: z.string().default(""),
    inFlightLoadProducerName,
    /** Name of the producer of predictions; one writes for all, so that this only says what is meant. */
    latencyPredictionProducerName: z.string().default(""),
  }),
  needs: ({ ttftSource }) => [
    "data.prefix_match_blocks",
    "data.prefix_total_blocks",
    ttftSource === "latencyPredictor" ? "data.predicted_ttft_ms" : "inflight_prompt_tokens",
  ],
  refs: toProducerRefs,
  explain: ({ affinityThreshold, maxTTFTPenaltyMs }) =>
    `keeps the endpoints that have at least ${affinityThreshold} of the prompt's prefix cached` +
    (maxTTFTPenaltyMs === 0 ? "" : `, unless that costs more than ${maxTTFTPenaltyMs} ms of TTFT`),
  filter: createPrefixCacheAffinityFilter,
});
