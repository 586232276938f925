import { createSingleProfileHandler } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** Runs the one profile there is. */
export const singleProfileHandler = definePolicy({
  type: "single-profile-handler",
  about: "Runs the one profile there is.",
  parameters: z.strictObject({}),
  explain: (_, [profile]) => `runs profile ${profile}`,
  checkProfiles: (_, profiles) =>
    profiles.length === 1 ? undefined : "runs one profile: name a handler that runs several, or keep one profile",
  handler: (name, _, { profiles }) => createSingleProfileHandler(name, profiles[0]!),
});
