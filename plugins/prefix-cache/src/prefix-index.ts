import { type BlockTable, createBlockTable, holdersAt } from "./block-table.ts";
import { createRecencyList, type RecencyList } from "./recency-list.ts";

/**
 * Which prefix blocks each endpoint is believed to have in its cache. Blocks are given as chained 64-bit hashes, two
 * words each, low word first, so that a block stands for all of the prompt before it too.
 */
export interface PrefixIndex {
  /** Blocks that some endpoint holds. */
  readonly blocks: number;
  /** Memory of the index, in bytes. */
  readonly bytes: number;
  /**
   * Counts, per slot, how many of the first `count` blocks the endpoint holds without a gap.
   * @param slots ascending.
   * @param matched written at the positions of `slots`.
   */
  match(hashes: Uint32Array, count: number, slots: Uint32Array, matched: Uint32Array): void;
  /**
   * The endpoint has computed the first `count` blocks: it holds them, as far as `capacity` goes, and has dropped what
   * it touched longest ago, of one prompt the last block first.
   */
  learn(slot: number, hashes: Uint32Array, count: number, capacity: number): void;
  /** Blocks that an endpoint holds. */
  held(slot: number): number;
  /** The endpoint's cache is empty. */
  forget(slot: number): void;
}

/** An empty index. */
export function createPrefixIndex(): PrefixIndex {
  return new ShardedPrefixIndex();
}

/** Blocks are spread over tables by their hash, so that a table that grows stops the world for a moment only. */
const shardBits = 6;
const shardCount = 1 << shardBits;

class ShardedPrefixIndex implements PrefixIndex {
  readonly #tables: readonly BlockTable[] = Array.from({ length: shardCount }, createBlockTable);
  readonly #lists: (RecencyList | undefined)[] = [];
  /** Endpoints that hold all blocks so far, as a bitmap over slots. */
  #alive: Uint32Array = new Uint32Array(1);
  /** Blocks matched, by slot. */
  #depths: Uint32Array = new Uint32Array(32);

  get blocks(): number {
    return this.#tables.reduce((sum, { size }) => sum + size, 0);
  }

  get bytes(): number {
    const tables = this.#tables.reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#lists.reduce((sum, list) => sum + (list?.bytes ?? 0), tables);
  }

  match(hashes: Uint32Array, count: number, slots: Uint32Array, matched: Uint32Array): void {
    this.#begin(slots);
    const depth = this.#descend(hashes, count);
    const depths = this.#depths;
    const alive = this.#alive;
    for (let word = 0; word < alive.length; word++) writeDepth(depths, word, alive[word], depth);
    for (let i = 0; i < slots.length; i++) matched[i] = depths[slots[i]];
  }

  learn(slot: number, hashes: Uint32Array, count: number, capacity: number): void {
    this.#lists[slot] ??= createRecencyList();
    const list = this.#lists[slot];
    // From the last block to the first, so that of one prompt the first blocks are dropped last.
    for (let block = Math.min(count, capacity) - 1; block >= 0; block--) {
      const high = hashes[2 * block + 1];
      const shard = high >>> (32 - shardBits);
      list.touch(this.#tables[shard].hold(hashes[2 * block], high, slot) * shardCount + shard);
    }
    this.#shrink(slot, list, capacity);
  }

  held(slot: number): number {
    return this.#lists[slot]?.size ?? 0;
  }

  forget(slot: number): void {
    const list = this.#lists[slot];
    if (list !== undefined) this.#shrink(slot, list, 0);
    this.#lists[slot] = undefined;
  }

  #shrink(slot: number, list: RecencyList, size: number): void {
    while (list.size > size) {
      const item = list.removeOldest();
      this.#tables[item & (shardCount - 1)].release(item >>> shardBits, slot);
    }
  }

  /** All slots are alive at first. */
  #begin(slots: Uint32Array): void {
    const words = slots.length === 0 ? 0 : (slots[slots.length - 1] >>> 5) + 1;
    if (this.#alive.length < words) {
      this.#alive = new Uint32Array(words);
      this.#depths = new Uint32Array(32 * words);
    }
    const alive = this.#alive.fill(0);
    for (let i = 0; i < slots.length; i++) alive[slots[i] >>> 5] |= 1 << (slots[i] & 31);
  }

  /** Goes on from block to block while somebody is alive. Returns how many blocks those have that are so at the end. */
  #descend(hashes: Uint32Array, count: number): number {
    const alive = this.#alive;
    const depths = this.#depths;
    for (let block = 0; block < count; block++) {
      const high = hashes[2 * block + 1];
      const table = this.#tables[high >>> (32 - shardBits)];
      const row = table.find(hashes[2 * block], high);
      if (row < 0) return block;
      const { rows, stride } = table;
      const holders = row * stride + holdersAt;
      const known = stride - holdersAt;
      let left = 0;
      for (let word = 0; word < alive.length; word++) {
        const before = alive[word];
        if (before === 0) continue;
        const after = word < known ? (before & rows[holders + word]) >>> 0 : 0;
        left |= after;
        if (after === before) continue;
        writeDepth(depths, word, before & ~after, block);
        alive[word] = after;
      }
      if (left === 0) return block;
    }
    return count;
  }
}

/** Notes the depth of the slots whose bits are set. */
function writeDepth(depths: Uint32Array, word: number, bits: number, depth: number): void {
  for (let left = bits; left !== 0; left &= left - 1) depths[32 * word + 31 - Math.clz32(left & -left)] = depth;
}
