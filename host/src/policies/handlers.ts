import { createSingleProfileHandler } from "@outrider/core";
import { z } from "zod";
import { definePolicy, type PolicyType } from "./policy-type.ts";

/** Types that decide which profiles run, and deciders that they ask. */
export const handlerTypes: readonly PolicyType[] = [
  definePolicy({
    type: "single-profile-handler",
    about: "Runs the one profile there is.",
    parameters: z.strictObject({}),
    checkProfiles: (_, profiles) =>
      profiles.length === 1 ? undefined : "runs one profile: name a handler that runs several, or keep one profile",
    handler: (name, _, { profiles }) => createSingleProfileHandler(name, profiles[0]!),
  }),
];
