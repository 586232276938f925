import type { EndpointSnapshot } from "@outrider/core";

/**
 * Slots a decision may choose from: the ready endpoints that the gateway's subset allows, ascending. Where no endpoint is
 * ready all are kept, since a gateway's answer is worth more than ours.
 * @param subset `ip` or `ip:port` each, IPv6 bare or in brackets; `undefined` = all, empty = none.
 */
export function selectCandidates(snapshot: EndpointSnapshot, subset: readonly string[] | undefined): Uint32Array {
  const open = openSlots(snapshot);
  if (subset === undefined) return open;
  const wanted = new Set(subset.map(withoutBrackets));
  return open.filter((slot) => {
    const address = snapshot.at(slot)?.address ?? "";
    return wanted.has(withoutBrackets(address)) || wanted.has(hostOf(address));
  });
}

let last: { readonly snapshot: EndpointSnapshot; readonly open: Uint32Array } | undefined;

/** Slots that take requests; kept for the last snapshot, since every decision asks. */
function openSlots(snapshot: EndpointSnapshot): Uint32Array {
  if (last?.snapshot === snapshot) return last.open;
  const ready = snapshot.live.filter((slot) => snapshot.ready[slot] === 1);
  const open = ready.length > 0 ? ready : snapshot.live;
  last = { snapshot, open };
  return open;
}

/** Address without its port and brackets: `[fd00::1]:8000` → `fd00::1`. */
export function hostOf(address: string): string {
  return withoutBrackets(address.slice(0, address.lastIndexOf(":")));
}

/** Brackets only tell an IPv6 address from its port; entries come with and without them. */
function withoutBrackets(entry: string): string {
  return entry.startsWith("[") ? entry.replace("[", "").replace("]", "") : entry;
}
