import type { Profile, ProfileHandler } from "../cycle/types.ts";
import { addressesOf, dataParallelHeader, peerHeaders } from "./routed-picks.ts";

/** `parameters:` of a `data-parallel-profile-handler`. */
export interface DataParallelOptions {
  /** Port that all ranks of a server share, and that requests are sent to. */
  readonly primaryPort: number;
}

/**
 * Runs one profile over the ranks of data-parallel servers: the request goes to the port that ranks share, and a header
 * names the rank that was picked.
 */
export function createDataParallelProfileHandler(
  name: string,
  { primaryPort }: DataParallelOptions,
  profile: Profile,
): ProfileHandler {
  return {
    name,
    type: "data-parallel-profile-handler",
    ownHeaders: peerHeaders,
    primaryOf: () => profile.name,
    next: ({ profiles }) => (profiles.length === 0 ? profile : undefined),
    route: (view) => ({
      setHeaders: addressesOf(view, profile)
        .slice(0, 1)
        .map((address) => [dataParallelHeader, address]),
      port: primaryPort,
    }),
  };
}
