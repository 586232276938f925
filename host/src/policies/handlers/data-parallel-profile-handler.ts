import { createDataParallelProfileHandler } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** `parameters:` of a `data-parallel-profile-handler`. */
const dataParallelParameters = z.strictObject({
  /** Port that the ranks of a server share: requests are sent to it, and a header names the rank. */
  primaryPort: z.int().min(1).max(65_535).default(8000),
});

/** Picks a rank of a data-parallel server behind a port that its ranks share. */
export const dataParallelProfileHandler = definePolicy({
  type: "data-parallel-profile-handler",
  about: "Runs the one profile there is, sends to the port that ranks share, and names the rank in a header.",
  notice:
    "deprecated in the reference EPP: where the gateway reaches the port of each rank, single-profile-handler is enough",
  parameters: dataParallelParameters,
  explain: ({ primaryPort }, [profile]) =>
    `runs profile ${profile}, sends to port ${primaryPort} and names the rank in a header`,
  checkProfiles: (_, profiles) =>
    profiles.length === 1 ? undefined : "runs one profile: keep one, or name a handler that runs several",
  handler: (name, parameters, { profiles }) => createDataParallelProfileHandler(name, parameters, profiles[0]!),
});
