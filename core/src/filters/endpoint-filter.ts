import { type CycleCall, type EndpointInfo, type EndpointSnapshot, perEndpoint } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "./keep-slots.ts";

/** Keeps the candidates of a call that pass a test of what they are. */
export type KeepEndpoints = (call: Pick<CycleCall, "candidates" | "snapshot">) => Uint32Array;

/** What was kept of some candidates in a snapshot. */
interface Kept {
  readonly snapshot: EndpointSnapshot;
  readonly candidates: Uint32Array;
  readonly kept: Uint32Array;
}

/**
 * Tests each endpoint once, and again only when it has changed. Decisions on one snapshot mostly have the same
 * candidates: for those the last answer stands.
 */
export function keepEndpoints(passes: (endpoint: EndpointInfo) => boolean): KeepEndpoints {
  const verdictOf = perEndpoint(passes);
  let last: Kept | undefined;
  return ({ candidates, snapshot }) => {
    if (last?.snapshot === snapshot && last.candidates === candidates) return last.kept;
    const kept = keepSlots(candidates, (slot) => {
      const endpoint = snapshot.at(slot);
      return endpoint !== undefined && verdictOf(endpoint);
    });
    last = { snapshot, candidates, kept };
    return kept;
  };
}

/** A filter that goes by what endpoints are, and neither by their load nor by the request. */
export function createEndpointFilter(name: string, type: string, passes: (endpoint: EndpointInfo) => boolean): Filter {
  return { name, type, filter: keepEndpoints(passes) };
}
