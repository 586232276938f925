import type { HandlerView, Profile, ProfileRecord } from "../cycle/types.ts";

/** Header that tells the rank behind a shared port which the request is for. */
export const dataParallelHeader = "x-data-parallel-host-port";

/** What has come of a profile; `undefined` where it has not run, or there is none. */
export function runOf(profiles: readonly ProfileRecord[], profile: Profile | undefined): ProfileRecord | undefined {
  return profile && profiles.find(({ name }) => name === profile.name);
}

/** Addresses of the endpoints that a profile picked, the pick first; none where it has not run or found nothing. */
export function addressesOf({ profiles, snapshot }: HandlerView, profile: Profile | undefined): readonly string[] {
  const picked = runOf(profiles, profile)?.picked ?? [];
  return picked.flatMap((slot) => snapshot.at(slot)?.address ?? []);
}
