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

/** What a call's request would add to the tree of each candidate. */
interface Addition {
  readonly candidates: Uint32Array;
  readonly blocks: Float32Array;
}

/** Calls that wait for their pick, at most; the oldest are dropped. */
const maxCalls = 4_096;

/** @param maxBlocks largest size of a tree: what is more is evicted. */
export function createTreeSizes(maxBlocks: number): TreeSizes {
  const sizes: number[] = [];
  const calls = new Map<number, Addition>();
  const size = (slot: number) => sizes[slot] ?? 0;
  return {
    size,
    asked(callId, candidates, matched, total) {
      const blocks = new Float32Array(candidates.length);
      for (let i = 0; i < blocks.length; i++) blocks[i] = Math.max(0, total[i] - matched[i]) || 0;
      calls.delete(callId);
      calls.set(callId, { candidates: candidates.slice(), blocks });
      if (calls.size <= maxCalls) return;
      for (const oldest of calls.keys()) {
        calls.delete(oldest);
        return;
      }
    },
    sent(callId, slot) {
      const call = calls.get(callId);
      const place = call?.candidates.indexOf(slot) ?? -1;
      if (call !== undefined && place >= 0) sizes[slot] = Math.min(maxBlocks, size(slot) + call.blocks[place]);
      calls.delete(callId);
    },
    done: (callId) => void calls.delete(callId),
    forget(slots) {
      for (const slot of slots) sizes[slot] = 0;
    },
  };
}
