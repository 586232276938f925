import { type DecisionRecord, type ProfileRecord, vetoedOf } from "@outrider/core";
import type { Door, Routed } from "./types.ts";

/** Endpoints that the embedded gateway may try. */
const gatewayEndpoints = 3;

const noSlots: readonly number[] = [];

/**
 * Slots to try in order. The list is as long as the picker makes it, since not every gateway understands one; our own
 * does, so it gets further candidates behind the pick, best first; none where headers name a rank of the pick alone.
 */
export function destinationsOf(record: DecisionRecord, door: Door): readonly number[] {
  const { destination, routing } = record;
  if (door !== "gateway" || routing.port !== 0 || destination.length >= gatewayEndpoints) return destination;
  const scored = primaryOf(record);
  if (scored === undefined) return destination;
  const slots = [...destination];
  while (slots.length < gatewayEndpoints) {
    const next = bestBeside(slots, scored);
    if (next < 0) break;
    slots.push(next);
  }
  return slots;
}

/** Addresses of endpoints of a snapshot. */
export function addressesOf(slots: readonly number[], snapshot: DecisionRecord["snapshot"]): readonly string[] {
  return slots.map((slot) => snapshot.at(slot)?.address ?? "");
}

/** The same hosts at another port. @param port 0 = their own. */
export function withPort(addresses: readonly string[], port: number): readonly string[] {
  if (port === 0) return addresses;
  return addresses.map((address) => `${address.slice(0, address.lastIndexOf(":"))}:${port}`);
}

/** Slots that further profiles picked first, such as that of a prefill: they compute the prompt beside the destination. */
export function peersOf({ profiles, primary }: DecisionRecord, destination: number): readonly number[] {
  if (profiles.length < 2) return noSlots;
  return profiles.flatMap(({ name, picked }) =>
    name === primary || picked[0] === destination ? [] : picked.slice(0, 1),
  );
}

/** Total of each endpoint that a profile scored and nobody vetoed. */
export function scoresOf(profile: ProfileRecord, { snapshot }: DecisionRecord): Routed["scores"] {
  const { candidates, totals } = profile;
  const scores = Array.from(candidates, (slot, i) => [snapshot.at(slot)?.address ?? "", totals[i]] as const);
  const vetoed = vetoedOf(profile);
  return vetoed.size === 0 ? scores : scores.filter((_, i) => !vetoed.has(i));
}

/** The profile whose pick is the destination. */
export function primaryOf({ profiles, primary }: DecisionRecord): ProfileRecord | undefined {
  return profiles.find(({ name }) => name === primary);
}

/** The first of the best candidates that is neither vetoed nor among the slots; -1 = none is left. */
function bestBeside(slots: readonly number[], profile: ProfileRecord): number {
  const { candidates, totals } = profile;
  const vetoed = vetoedOf(profile);
  let best = -1;
  for (let i = 0; i < candidates.length; i++) {
    if (slots.includes(candidates[i]) || vetoed.has(i)) continue;
    if (best < 0 || totals[i] > totals[best]) best = i;
  }
  return best < 0 ? -1 : candidates[best];
}
