import { z } from "zod";
import { definePolicy, type PolicyType } from "../policy-type.ts";

/** Counts of the prompt's tokens. */
const tokenProducer = definePolicy({
  type: "token-producer",
  about: "Estimates the tokens of prompts; the host always does.",
  parameters: z.strictObject({}),
  implied: true,
});

/** Producers that stand for what the host does anyway. */
export const impliedProducers: readonly PolicyType[] = [
  tokenProducer,
  { ...tokenProducer, type: "tokenizer", notice: "deprecated in the reference EPP: write token-producer" },
];
