import { type EndpointInfo, perEndpoint, type TopologyLevel, topologyLevels } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "./keep-slots.ts";
import { labelOf } from "./label-selector.ts";

/** `parameters:` of a `topology-affinity-filter`. */
export interface TopologyAffinityOptions {
  /** Level on which a candidate must be with the peer, or on a closer one. */
  readonly minAffinity: TopologyLevel;
  readonly labels: Readonly<Record<TopologyLevel, string>>;
}

/**
 * Keeps the candidates that are near the endpoint which the first profile picked: in the same place on the level asked
 * for, or on a closer one. All stay where no profile has picked, where the peer's place is unknown on all levels, and
 * where no candidate is near. A place that is unknown is never the same as another.
 */
export function createTopologyAffinityFilter(name: string, options: TopologyAffinityOptions): Filter {
  const levels = topologyLevels.slice(0, topologyLevels.indexOf(options.minAffinity) + 1);
  const placesOf = perEndpoint((endpoint: EndpointInfo) =>
    levels.map((level) => labelOf(endpoint, options.labels[level])),
  );
  return {
    name,
    type: "topology-affinity-filter",
    filter({ candidates, endpoints, peers }) {
      const peer = peers.length === 0 ? undefined : endpoints.at(peers[0].slot);
      if (peer === undefined) return candidates;
      const wanted = placesOf(peer);
      const kept = keepSlots(candidates, (slot) => {
        const endpoint = endpoints.at(slot);
        return endpoint !== undefined && isNear(placesOf(endpoint), wanted);
      });
      return kept.length === 0 ? candidates : kept;
    },
  };
}

function isNear(places: readonly string[], wanted: readonly string[]): boolean {
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== "" && places[i] === wanted[i]) return true;
  return false;
}
