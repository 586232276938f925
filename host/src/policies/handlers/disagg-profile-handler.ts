import { z } from "zod";
import { definePolicy, type PolicyRef } from "../policy-type.ts";
import { byStages, type StageNames } from "./stage-profiles.ts";

/** Names of profiles by stage; empty and absent = the stage's own name. */
const stageProfiles = z.strictObject({
  /** Its pick is the request's destination. */
  decode: z.string().optional(),
  /** Computes the prompt for it. */
  prefill: z.string().optional(),
  /** Encodes images and other parts that are no text. */
  encode: z.string().optional(),
});

/** Names of deciders by stage; absent = the stage does not run. */
const stageDeciders = z.strictObject({
  /** Whether the prompt is computed apart; `prefill-first` asks nobody. */
  prefill: z.string().optional(),
  /** Whether parts are encoded apart. */
  encode: z.string().optional(),
});

/** Flat parameters of earlier versions. */
const flat = {
  /** Earlier way to write `profiles: { decode }`. */
  decodeProfile: z.string().optional(),
  /** Earlier way to write `profiles: { prefill }`. */
  prefillProfile: z.string().optional(),
  /** Earlier way to write `profiles: { encode }`. */
  encodeProfile: z.string().optional(),
  /** Earlier way to write `deciders: { prefill }`. */
  prefillDeciderPluginName: z.string().optional(),
  /** Earlier way to write `deciders: { encode }`. */
  encodeDeciderPluginName: z.string().optional(),
  /** Earliest way to write `deciders: { prefill }`; counts where `prefillDeciderPluginName` says nothing. */
  deciderPluginName: z.string().optional(),
};

/** `parameters:` of a `disagg-profile-handler`. */
const disaggParameters = z
  .strictObject({
    /** Which of prefill and decode is picked first, so that the other can be close to it. */
    stageOrder: z.enum(["decode-first", "prefill-first"]).default("decode-first"),
    /** Names of profiles by stage. */
    profiles: stageProfiles.default({}),
    /** Names of deciders by stage; a stage without one does not run. */
    deciders: stageDeciders.default({}),
    ...flat,
  })
  .superRefine((parameters, { addIssue }) => {
    const { profiles, deciders, stageOrder } = parameters;
    const isNested = isSaid(Object.values(profiles)) || isSaid(Object.values(deciders));
    for (const field of Object.keys(flat) as (keyof typeof flat)[]) {
      if (!isNested || !parameters[field]) continue;
      addIssue({
        code: "custom",
        path: [field],
        message: "is the earlier way to write profiles or deciders: keep those",
      });
    }
    const decider = stageOrder === "prefill-first" ? toStages(parameters).prefillDecider : undefined;
    if (decider === undefined) return;
    const message = "prefill-first asks no prefill decider: remove it, or write stageOrder: decode-first";
    addIssue({ code: "custom", path: [...decider.path], message });
  });

/** Serves prompt and answer, and images, by endpoints of their own. */
export const disaggProfileHandler = definePolicy({
  type: "disagg-profile-handler",
  about: "Picks endpoints for decode, and for prefill and encode where deciders want them; headers name those.",
  parameters: disaggParameters,
  ...byStages(toStages),
});

function toStages(parameters: z.output<typeof disaggParameters>): StageNames {
  const { profiles, deciders } = parameters;
  const toRef = (...places: readonly (readonly [path: readonly string[], name: string | undefined])[]) => {
    const place = places.find(([, name]) => name);
    return place === undefined ? undefined : ({ path: place[0], name: place[1]!, role: "decider" } satisfies PolicyRef);
  };
  return {
    type: "disagg-profile-handler",
    stageOrder: parameters.stageOrder,
    primaryPort: 0,
    decode: profiles.decode || parameters.decodeProfile || "decode",
    prefill: profiles.prefill || parameters.prefillProfile || "prefill",
    encode: profiles.encode || parameters.encodeProfile || "encode",
    prefillDecider: toRef(
      [["deciders", "prefill"], deciders.prefill],
      [["prefillDeciderPluginName"], parameters.prefillDeciderPluginName],
      [["deciderPluginName"], parameters.deciderPluginName],
    ),
    encodeDecider: toRef(
      [["deciders", "encode"], deciders.encode],
      [["encodeDeciderPluginName"], parameters.encodeDeciderPluginName],
    ),
  };
}

function isSaid(values: readonly (string | undefined)[]): boolean {
  return values.some(Boolean);
}
