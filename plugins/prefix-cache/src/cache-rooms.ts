import type { ScoreCall } from "@outrider/plugin-sdk";

/**
 * How much each endpoint's prefix cache has room for: the size of its KV cache as its metrics tell it, and of that the
 * share that prompts were seen to keep, since answers, requests under way and those of other hosts take room too.
 */
export interface CacheRooms {
  /** Reads the sizes of some of a call's candidates; of 64 and fewer always all. */
  read(call: Pick<ScoreCall, "candidates" | "columns">): void;
  /** Blocks that an endpoint has room for. */
  blocksOf(slot: number, blockSizeTokens: number): number;
  /** The endpoint had what it was believed to hold. */
  confirm(slot: number): void;
  /** The endpoint had dropped much of what it was believed to hold, when it held `blocks`. */
  shrink(slot: number, blocks: number, blockSizeTokens: number): void;
  /** Nothing is known of the endpoint. */
  forget(slot: number): void;
}

/** Candidates whose sizes one call reads. */
const readAtOnce = 64;
/** Less room than this is never believed. */
const leastShare = 1 / 16;
/** What a miss leaves of the room, and what a hit adds: a miss in ten hits is in balance. */
const missFactor = 0.95;
const hitStep = 0.005;

/** Sizes are not known yet. @param defaultTokens room where none is told. @param isRead whether metrics are asked. */
export function createCacheRooms(defaultTokens: number, isRead: boolean): CacheRooms {
  let tokens = new Float64Array(64);
  let shares = new Float64Array(64).fill(1);
  let next = 0;
  const makeRoom = (slot: number) => {
    if (slot < tokens.length) return;
    const [knownTokens, knownShares] = [tokens, shares];
    tokens = new Float64Array(2 * slot);
    shares = new Float64Array(2 * slot).fill(1);
    tokens.set(knownTokens);
    shares.set(knownShares);
  };
  const sizeOf = (slot: number) => tokens[slot] || defaultTokens;
  return {
    read({ candidates, columns: { kvTotalBlocks, kvBlockTokens } }) {
      const count = candidates.length;
      if (!isRead || count === 0) return;
      makeRoom(candidates[count - 1]);
      for (let i = Math.min(count, readAtOnce); i > 0; i--) {
        next = next + 1 < count ? next + 1 : 0;
        const told = kvTotalBlocks[candidates[next]] * kvBlockTokens[candidates[next]];
        if (told > 0) tokens[candidates[next]] = told;
      }
    },
    blocksOf(slot, blockSizeTokens) {
      makeRoom(slot);
      return Math.floor((sizeOf(slot) * shares[slot]) / blockSizeTokens);
    },
    confirm(slot) {
      makeRoom(slot);
      shares[slot] = Math.min(1, shares[slot] + hitStep);
    },
    shrink(slot, blocks, blockSizeTokens) {
      makeRoom(slot);
      const held = Math.min(shares[slot], (blocks * blockSizeTokens) / sizeOf(slot));
      shares[slot] = Math.max(leastShare, held * missFactor);
    },
    forget(slot) {
      makeRoom(slot);
      tokens[slot] = 0;
      shares[slot] = 1;
    },
  };
}
