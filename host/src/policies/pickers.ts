import {
  createMaxScorePicker,
  createPowerOfTwoPicker,
  createRandomPicker,
  createRoundRobinPicker,
  createSoftmaxPicker,
  createWeightedRandomPicker,
} from "@outrider/core";
import { z } from "zod";
import { consistentHash } from "./pickers/consistent-hash.ts";
import { maxNumOfEndpoints } from "./pickers/max-num-of-endpoints.ts";
import { definePolicy, type PolicyType } from "./policy-type.ts";

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
  definePolicy({
    type: "softmax",
    about: "Picks each candidate with a chance in proportion to e to the power of its total ÷ temperature.",
    parameters: z.strictObject({
      maxNumOfEndpoints,
      /** By how much a total must be higher to be e (2.7) times as likely; totals grow with the scorers' weights. */
      temperature: z.number().gt(0).max(1_000_000).default(1),
    }),
    explain: ({ temperature }) => `picks e times as likely what has a total higher by ${temperature}`,
    picker: createSoftmaxPicker,
  }),
  definePolicy({
    type: "power-of-two",
    about: "Draws two candidates, or as many as asked for, and picks the better one.",
    parameters: z.strictObject({
      maxNumOfEndpoints,
      /** Candidates drawn. */
      choices: z.int().min(1).max(1_000).default(2),
    }),
    explain: ({ choices }) => `picks the best of ${choices} candidates drawn at random`,
    picker: createPowerOfTwoPicker,
  }),
  definePolicy({
    type: "round-robin",
    about: "Picks the candidates in turn, whatever their totals.",
    parameters: z.strictObject({ maxNumOfEndpoints }),
    explain: () => "picks the candidates in turn",
    picker: createRoundRobinPicker,
  }),
  consistentHash,
];
