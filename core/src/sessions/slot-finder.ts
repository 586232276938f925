import type { EndpointSnapshot } from "../contract/index.ts";

/** Finds endpoints by their ids. */
export interface SlotFinder {
  /** Slot of the endpoint in a snapshot; -1 where it has none of that id. */
  find(snapshot: EndpointSnapshot, id: string): number;
}

/** Remembers where ids were; a snapshot is looked through at most once, however many unknown ids are asked for. */
export function createSlotFinder(): SlotFinder {
  const slots = new Map<string, number>();
  let read: EndpointSnapshot | undefined;
  return {
    find(snapshot, id) {
      const known = slots.get(id);
      if (known !== undefined && snapshot.at(known)?.id === id) return known;
      if (read === snapshot) return -1;
      read = snapshot;
      slots.clear();
      for (const slot of snapshot.live) slots.set(snapshot.at(slot)?.id ?? "", slot);
      return slots.get(id) ?? -1;
    },
  };
}
