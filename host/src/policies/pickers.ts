import { createMaxScorePicker, createRandomPicker, createWeightedRandomPicker } from "@outrider/core";
import { z } from "zod";
import { definePolicy, type PolicyType } from "./policy-type.ts";

/** Endpoints that a picker lists: the pick, then fallbacks; what is below 1 counts as 1, as in the reference EPP. */
const maxNumOfEndpoints = z
  .int()
  .max(1_000)
  .default(1)
  .transform((count) => Math.max(1, count));

/** Types that choose from the totals. */
export const pickerTypes: readonly PolicyType[] = [
  definePolicy({
    type: "max-score-picker",
    about: "Picks the highest total.",
    parameters: z.strictObject({
      maxNumOfEndpoints,
      /** How equal totals are ordered: `random`, or `first` slot first. */
      tieBreak: z.enum(["random", "first"]).default("random"),
    }),
    picker: createMaxScorePicker,
  }),
  definePolicy({
    type: "random-picker",
    about: "Picks any candidate, each with the same chance.",
    parameters: z.strictObject({ maxNumOfEndpoints }),
    picker: createRandomPicker,
  }),
  definePolicy({
    type: "weighted-random-picker",
    about: "Picks each candidate with a chance in proportion to its total.",
    parameters: z.strictObject({ maxNumOfEndpoints }),
    picker: createWeightedRandomPicker,
  }),
];
