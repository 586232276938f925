import { z } from "zod";
import { definePolicy, type PolicyType } from "../policy-type.ts";

/** Counts of what is under way. */
const inflightLoadProducer = definePolicy({
  type: "inflight-load-producer",
  about: "Counts requests and tokens in flight; the host always does, with the output that the client allows.",
  parameters: z.strictObject({
    /** Accepted; the output expected of a request is counted in a column of its own. */
    addEstimatedOutputTokens: z.boolean().default(false),
    /** Accepted; without effect. */
    outputRatio: z.number().min(0).default(1.5),
    /** Accepted; without effect. */
    maxEstimatedOutputTokens: z.int().min(0).optional(),
    /** Accepted; the one index of prefixes is read. */
    prefixMatchInfoProducerName: z.string().default(""),
    /** Accepted; replicas share nothing. */
    syncCrossReplicaState: z.boolean().default(true),
  }),
  oddities: ({ addEstimatedOutputTokens, outputRatio, maxEstimatedOutputTokens }) => {
    const given = {
      addEstimatedOutputTokens: addEstimatedOutputTokens,
      outputRatio: outputRatio !== 1.5,
      maxEstimatedOutputTokens: maxEstimatedOutputTokens !== undefined,
    };
    return Object.entries(given)
      .filter(([, isGiven]) => isGiven)
      .map(([name]) => ({ path: [name], message: "has no effect: output is counted apart, by the client's limit" }));
  },
  implied: true,
});

/** Counts of the prompt's tokens. */
const tokenProducer = definePolicy({
  type: "token-producer",
  about: "Estimates the tokens of prompts; the host always does.",
  parameters: z.strictObject({}),
  implied: true,
});

/** Producers that stand for what the host does anyway. */
export const impliedProducers: readonly PolicyType[] = [
  inflightLoadProducer,
  tokenProducer,
  { ...tokenProducer, type: "tokenizer", notice: "deprecated in the reference EPP: write token-producer" },
];
