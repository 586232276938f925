/** Prefix blocks that each endpoint was sent for the first time: the size of its tree. */
export interface TreeSizes {
  /** Blocks of an endpoint's tree. */
  readonly size: (slot: number) => number;
  /** A call knows what its candidates would add. */
  asked(callId: number, candidates: Uint32Array, matched: Float32Array, total: Float32Array): void;
  /** Its request was sent to an endpoint. */
  sent(callId: number, slot: number): void;
  done(callId: number): void;
  /** The endpoints behind these slots have left. */
  forget(slots: readonly number[]): void;
}

/** Calls that wait for their pick, at most; the oldest are dropped. */
const maxCalls = 4_096;

/** @param maxBlocks largest size of a tree: what is more is evicted. */
export function createTreeSizes(maxBlocks: number): TreeSizes {
  const sizes: number[] = [];
  /** Of each call the slots of its candidates, and behind them what its request would add to their trees. */
  const calls = new Map<number, Float32Array>();
  const size = (slot: number) => sizes[slot] ?? 0;
  return {
    size,
    asked(callId, candidates, matched, total) {
      const count = candidates.length;
      const added = new Float32Array(2 * count);
      for (let i = 0; i < count; i++) {
        const blocks = total[i] - matched[i];
        added[i] = candidates[i];
        added[count + i] = blocks > 0 ? blocks : 0;
      }
      calls.set(callId, added);
      if (calls.size <= maxCalls) return;
      for (const oldest of calls.keys()) {
        calls.delete(oldest);
        return;
      }
    },
    sent(callId, slot) {
      const added = calls.get(callId);
      if (added === undefined) return;
      const count = added.length / 2;
      const place = added.indexOf(slot);
      if (place >= 0 && place < count) sizes[slot] = Math.min(maxBlocks, size(slot) + added[count + place]);
      calls.delete(callId);
    },
    done: (callId) => void calls.delete(callId),
    forget(slots) {
      for (const slot of slots) sizes[slot] = 0;
    },
  };
}
