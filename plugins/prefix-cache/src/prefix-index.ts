import { type BlockTable, createBlockTable } from "./block-table.ts";
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
  return new FlatPrefixIndex();
}

class FlatPrefixIndex implements PrefixIndex {
  readonly #table: BlockTable = createBlockTable();
  readonly #lists: (RecencyList | undefined)[] = [];
  /** Endpoints that hold all blocks so far, as a bitmap over slots. */
  #alive: Uint32Array = new Uint32Array(1);
  /** Blocks matched, by slot. */
  #depths: Uint32Array = new Uint32Array(32);

  get blocks(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#lists.reduce((sum, list) => sum + (list?.bytes ?? 0), this.#table.bytes);
  }

  match(hashes: Uint32Array, count: number, slots: Uint32Array, matched: Uint32Array): void {
    const limit = this.#begin(slots);
    const depth = this.#descend(hashes, count);
    for (let word = 0; word < this.#alive.length; word++) this.#write(word, this.#alive[word], depth);
    for (let i = 0; i < slots.length; i++) matched[i] = slots[i] < limit ? this.#depths[slots[i]] : 0;
  }

  learn(slot: number, hashes: Uint32Array, count: number, capacity: number): void {
    this.#lists[slot] ??= createRecencyList();
    const list = this.#lists[slot];
    // From the last block to the first, so that of one prompt the first blocks are dropped last.
    for (let block = Math.min(count, capacity) - 1; block >= 0; block--) {
      list.touch(this.#table.hold(hashes[2 * block], hashes[2 * block + 1], slot));
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
    while (list.size > size) this.#table.release(list.removeOldest(), slot);
  }

  /** All slots are alive at first. Returns the slot from which on nobody is known. */
  #begin(slots: Uint32Array): number {
    const { width } = this.#table;
    if (this.#alive.length !== width) {
      this.#alive = new Uint32Array(width);
      this.#depths = new Uint32Array(32 * width);
    }
    this.#alive.fill(0);
    const limit = 32 * width;
    for (const slot of slots) if (slot < limit) this.#alive[slot >>> 5] |= 1 << (slot & 31);
    return limit;
  }

  /** Goes on from block to block while somebody is alive. Returns how many blocks those have that are so at the end. */
  #descend(hashes: Uint32Array, count: number): number {
    const { holders, width } = this.#table;
    for (let block = 0; block < count; block++) {
      const row = this.#table.find(hashes[2 * block], hashes[2 * block + 1]);
      if (row < 0) return block;
      let alive = 0;
      for (let word = 0; word < width; word++) {
        const before = this.#alive[word];
        if (before === 0) continue;
        const after = (before & holders[row * width + word]) >>> 0;
        if (after !== before) {
          this.#write(word, before & ~after, block);
          this.#alive[word] = after;
        }
        alive |= after;
      }
      if (alive === 0) return block;
    }
    return count;
  }

  /** Notes the depth of the slots whose bits are set. */
  #write(word: number, bits: number, depth: number): void {
    for (let left = bits; left !== 0; left &= left - 1) {
      this.#depths[32 * word + 31 - Math.clz32(left & -left)] = depth;
    }
  }
}
