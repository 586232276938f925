/** Slots in the order in which they were last used; in bounded memory, the least recent forgotten. */
export interface RecentSlots {
  /** Slots used so far, the least recently used first. */
  slots(): IterableIterator<number>;
  use(slot: number): void;
  forget(slot: number): void;
}

/** Room for so many slots. */
export function createRecentSlots(limit: number): RecentSlots {
  const recent = new Set<number>();
  return {
    slots: () => recent.values(),
    use(slot) {
      recent.delete(slot);
      recent.add(slot);
      if (recent.size <= limit) return;
      for (const oldest of recent) {
        recent.delete(oldest);
        return;
      }
    },
    forget: (slot) => void recent.delete(slot),
  };
}
