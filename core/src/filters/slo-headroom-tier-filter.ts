import type { Filter } from "../cycle/types.ts";
import { createStanding, hasTarget } from "./headroom.ts";
import { keepPositions } from "./keep-slots.ts";

/** `parameters:` of an `slo-headroom-tier-filter`. */
export interface SloHeadroomTierOptions {
  /** Share of the requests that go to endpoints which are to miss the targets although others are to meet them. */
  readonly epsilonExploreNeg: number;
}

/**
 * Keeps the endpoints that are to meet the request's targets; now and then the others instead, so that one that does
 * better again is noticed. Keeps all without a target, where nothing is predicted, and where all are alike.
 */
export function createSloHeadroomTierFilter(name: string, { epsilonExploreNeg }: SloHeadroomTierOptions): Filter {
  return {
    name,
    type: "slo-headroom-tier-filter",
    filter({ candidates, data, request, random }) {
      if (!hasTarget(request)) return candidates;
      const standing = createStanding(data, request);
      const isKept = (position: number) => standing(position) === "met";
      const met = keepPositions(candidates, isKept);
      if (met.length === 0 || met.length === candidates.length) return candidates;
      return random() < epsilonExploreNeg ? keepPositions(candidates, (position) => !isKept(position)) : met;
    },
  };
}
