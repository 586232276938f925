import { z } from "zod";
import { definePolicy } from "../policy-type.ts";
import { byStages, type StageNames } from "./stage-profiles.ts";

/** `parameters:` of a `pd-profile-handler`. */
const pdParameters = z.strictObject({
  /** Profile whose pick is the request's destination. */
  decodeProfile: z.string().min(1).default("decode"),
  /** Profile that computes the prompt for it. */
  prefillProfile: z.string().min(1).default("prefill"),
  /** Decider that says whether it does. */
  deciderPluginName: z.string().min(1).default("prefix-based-pd-decider"),
  /** Port that the ranks of a data-parallel server share; 0 = requests go to the endpoints' own. */
  primaryPort: z.int().min(0).max(65_535).default(0),
  /** Accepted, and never read. */
  prefixPluginType: z.string().optional(),
  /** Accepted, and never read. */
  prefixPluginName: z.string().optional(),
});

/** Earlier form of `disagg-profile-handler`, for prefill and decode alone. */
export const pdProfileHandler = definePolicy({
  type: "pd-profile-handler",
  about: "Earlier form of `disagg-profile-handler`: decode, then prefill where a decider wants it.",
  notice: "deprecated in the reference EPP: write disagg-profile-handler with deciders: { prefill: … }",
  parameters: pdParameters,
  ...byStages(toStages),
});

function toStages(parameters: z.output<typeof pdParameters>): StageNames {
  const { decodeProfile, prefillProfile, deciderPluginName, primaryPort } = parameters;
  return {
    type: "pd-profile-handler",
    stageOrder: "decode-first",
    primaryPort,
    decode: decodeProfile,
    prefill: prefillProfile,
    encode: "",
    prefillDecider: { path: ["deciderPluginName"], name: deciderPluginName, role: "decider" },
    encodeDecider: undefined,
  };
}
