import type { EndpointSnapshot } from "@outrider/core/contract";

/** Since which revision each slot holds the endpoint that it does: what was said of a slot before was of another one. */
export interface SlotHistory {
  /** Revision of the last snapshot; 0 = none yet. */
  readonly rev: number;
  /** Learns of the next snapshot; none may be left out. */
  publish(snapshot: EndpointSnapshot): void;
  /** Revision since which every slot holds the endpoint that it does. */
  readonly settledRev: number;
  /** Whether a slot has held the same endpoint ever since a revision. */
  isSameSince(slot: number, rev: number): boolean;
}

/** Nothing was published. */
export function createSlotHistory(): SlotHistory {
  let last: EndpointSnapshot | undefined;
  let settledRev = 0;
  let sinceRevs = new Uint32Array(0);
  return {
    get rev() {
      return last?.rev ?? 0;
    },
    get settledRev() {
      return settledRev;
    },
    publish(next) {
      if (next.slotCount > sinceRevs.length) sinceRevs = enlarged(sinceRevs, next.slotCount);
      for (const slot of next.live) {
        if (last?.at(slot)?.id === next.at(slot)!.id) continue;
        sinceRevs[slot] = next.rev;
        settledRev = next.rev;
      }
      last = next;
    },
    isSameSince: (slot, rev) => sinceRevs[slot]! <= rev,
  };
}

function enlarged(revs: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(revs);
  return larger;
}
