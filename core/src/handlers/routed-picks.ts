import type { HandlerView, Profile, ProfileRecord } from "../cycle/types.ts";

/** Header that names the endpoint which computes the prompt for the one that gets the request. */
export const prefillHeader = "x-prefiller-host-port";
/** Header that names the endpoints which encode what is no text. */
export const encodeHeader = "x-encoder-hosts-ports";
/** Header that tells the rank behind a shared port which the request is for. */
export const dataParallelHeader = "x-data-parallel-host-port";

/**
 * All of them: whoever reads one behind a handler may read the others too, so that a client's are never passed on,
 * whichever of them the handler sets.
 */
export const peerHeaders: readonly string[] = [prefillHeader, encodeHeader, dataParallelHeader];

/** What has come of a profile; `undefined` where it has not run, or there is none. */
export function runOf(profiles: readonly ProfileRecord[], profile: Profile | undefined): ProfileRecord | undefined {
  return profile && profiles.find(({ name }) => name === profile.name);
}

/** Addresses of the endpoints that a profile picked, the pick first; none where it has not run or found nothing. */
export function addressesOf({ profiles, snapshot }: HandlerView, profile: Profile | undefined): readonly string[] {
  const picked = runOf(profiles, profile)?.picked ?? [];
  return picked.flatMap((slot) => snapshot.at(slot)?.address ?? []);
}
