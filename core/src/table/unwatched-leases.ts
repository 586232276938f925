import type { EndpointChange } from "../contract/index.ts";

/** A lease whose response nobody sees. */
export interface UnwatchedLease {
  readonly slot: number;
  /** Scrapes of the slot from which on what the request loads its endpoint with is in the scraped values. */
  readonly dueScrapes: number;
  /** Ends the lease and tells so. */
  expire(): void;
}

/** The unwatched leases of one slot. */
interface SlotGroup {
  readonly leases: Set<UnwatchedLease>;
  /** Scrapes of the slot when the group was last gone through. */
  scrapes: number;
}

/** Leases that end with what becomes known of their endpoints; costs nothing where there is none. */
export class UnwatchedLeases {
  readonly #scrapesOf: (slot: number) => number;
  readonly #groups = new Map<number, SlotGroup>();

  /** @param scrapesOf scrapes of a slot so far. */
  constructor(scrapesOf: (slot: number) => number) {
    this.#scrapesOf = scrapesOf;
  }

  add(lease: UnwatchedLease): void {
    const group = this.#groups.get(lease.slot);
    if (group === undefined) this.#groups.set(lease.slot, { leases: new Set([lease]), scrapes: -1 });
    else group.leases.add(lease);
  }

  delete(lease: UnwatchedLease): void {
    const group = this.#groups.get(lease.slot);
    if (group?.leases.delete(lease) && group.leases.size === 0) this.#groups.delete(lease.slot);
  }

  /** Ends those that are due, and those of endpoints that left. */
  endDue(removedSlots: EndpointChange["removedSlots"] = []): void {
    if (this.#groups.size === 0) return;
    for (const slot of removedSlots) {
      for (const lease of this.#groups.get(slot)?.leases ?? []) lease.expire();
    }
    for (const [slot, group] of this.#groups) {
      const scrapes = this.#scrapesOf(slot);
      if (scrapes === group.scrapes) continue;
      group.scrapes = scrapes;
      for (const lease of group.leases) if (lease.dueScrapes <= scrapes) lease.expire();
    }
  }
}
