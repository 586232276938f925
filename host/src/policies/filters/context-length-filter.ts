import { contextLengthLabel, createContextLengthFilter } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** `parameters:` of a `context-length-filter`. */
const parameters = z.strictObject({
  /** Label that says for which lengths of prompts an endpoint is meant, in tokens, as `MIN-MAX`. */
  label: z.string().min(1, "must not be empty").default(contextLengthLabel),
});

/** What is written for the scorer that brings the filter along. */
const besideScorer = z.looseObject({ label: z.string().optional(), enableFiltering: z.literal(true) });

/** A filter by the length of prompts. */
export const contextLengthFilter = definePolicy({
  type: "context-length-filter",
  about:
    "Keeps the endpoints that are meant for prompts of this length, and those that say nothing; " +
    "`context-length-aware` with `enableFiltering` brings one along.",
  parameters,
  needs: ({ label }) => ["request.prompt_tokens", { key: "endpoint.labels", names: [label] }],
  explain: ({ label }) => `keeps the endpoints whose ${label} has the length of the prompt in it, and those without it`,
  filter: createContextLengthFilter,
  beside: {
    type: "context-length-aware",
    parametersOf(written) {
      const { success, data } = besideScorer.safeParse(written);
      return success ? { label: data.label } : undefined;
    },
  },
});
