import type { Profile, ProfileHandler } from "../cycle/types.ts";

/** Runs one profile, and takes its pick. */
export function createSingleProfileHandler(name: string, profile: Profile): ProfileHandler {
  return {
    name,
    type: "single-profile-handler",
    ownHeaders: [],
    primaryOf: () => profile.name,
    next: ({ profiles }) => (profiles.length === 0 ? profile : undefined),
  };
}
