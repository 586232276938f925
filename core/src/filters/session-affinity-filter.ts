import type { Filter } from "../cycle/types.ts";

/**
 * Keeps the endpoint alone that the request's session is pinned to, where it is among the candidates; else all.
 * @param profile whose picks are pinned; empty = the one whose pick is the destination.
 */
export function createSessionAffinityFilter(name: string, profile: string): Filter {
  return {
    name,
    type: "session-affinity-filter",
    filter({ candidates, pins }) {
      const slot = pins?.get(profile) ?? -1;
      return slot >= 0 && candidates.length > 1 && candidates.includes(slot) ? Uint32Array.of(slot) : candidates;
    },
  };
}
