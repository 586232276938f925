import { createBlockTable, holdersAt, rowBits, rowMask } from "./block-table.ts";
import { createHoldings } from "./holdings.ts";

/**
 * Which prefix blocks each endpoint is believed to have in its cache. Blocks are given as chained 64-bit hashes, two
 * words each, low word first, so that a block stands for all of the prompt before it too.
 */
export interface PrefixIndex {
  /** Blocks that some endpoint holds. */
  readonly blocks: number;
  /** Blocks held, one that several endpoints hold counted for each. */
  readonly pairs: number;
  /** Memory of the index, in bytes. */
  readonly bytes: number;
  /**
   * Counts, per slot, how many of the first `count` blocks the endpoint holds without a gap.
   * @param slots ascending.
   * @param matched written at the positions of `slots`.
   */
  match(hashes: Uint32Array, count: number, slots: Uint32Array, matched: Uint32Array): void;
  /** The same for one endpoint. */
  depth(slot: number, hashes: Uint32Array, count: number): number;
  /**
   * The endpoint has computed the first `count` blocks: it holds them, as far as `capacity` goes, and has dropped what
   * it touched longest ago, of one prompt the last block first.
   */
  learn(slot: number, hashes: Uint32Array, count: number, capacity: number): void;
  /** The endpoint does not hold the blocks from `from` to `count` (not included). */
  unlearn(slot: number, hashes: Uint32Array, from: number, count: number): void;
  /** The endpoint holds no more than so many blocks: it has dropped what it touched longest ago. */
  limit(slot: number, capacity: number): void;
  /** The endpoint held a block before it touched any it is known to hold. False where there is no room for it. */
  recall(slot: number, low: number, high: number, capacity: number): boolean;
  /** Blocks that an endpoint holds. */
  held(slot: number): number;
  /** Hashes of the blocks that an endpoint touched last, latest first, at most so many. */
  latest(slot: number, most: number): Uint32Array;
  /** The endpoint's cache is empty. */
  forget(slot: number): void;
}

/** An empty index. @param mostPairs held at all; beyond it those endpoints forget that hold most. */
export function createPrefixIndex(mostPairs: number = Number.POSITIVE_INFINITY): PrefixIndex {
  return new BitmapIndex(mostPairs);
}

/**
 * Blocks that are stepped over where all endpoints hold the last of them: who holds a block holds those before it, since
 * they were touched later. Where some do not, they are looked up at once, so that the accesses to memory overlap.
 */
const stepBlocks = 16;

class BitmapIndex implements PrefixIndex {
  readonly #table = createBlockTable();
  readonly #holdings = createHoldings(this.#table);
  readonly #mostPairs: number;
  readonly #rows: Int32Array = new Int32Array(stepBlocks);
  /** One more than the highest slot that ever held something. */
  #slots = 0;
  /** Endpoints that hold all blocks so far, as a bitmap over slots. */
  #alive: Int32Array = new Int32Array(1);
  /** Words of it that are not 0, and how many. */
  #live: Int32Array = new Int32Array(1);
  #liveWords = 0;
  /** Blocks matched, by slot. */
  #depths: Uint32Array = new Uint32Array(32);

  constructor(mostPairs: number) {
    this.#mostPairs = mostPairs;
  }

  get blocks(): number {
    return this.#table.size;
  }

  get pairs(): number {
    return this.#holdings.size;
  }

  get bytes(): number {
    return this.#table.bytes + this.#holdings.bytes;
  }

  match(hashes: Uint32Array, count: number, slots: Uint32Array, matched: Uint32Array): void {
    this.#begin(slots);
    this.#descend(hashes, 0, Math.min(count, 1));
    for (let block = 1; block < count && this.#liveWords > 0; block += stepBlocks) {
      const end = Math.min(count, block + stepBlocks);
      if (!this.#allHold(hashes, end - 1)) this.#descend(hashes, block, end);
    }
    this.#end(count);
    const depths = this.#depths;
    for (let i = 0; i < slots.length; i++) matched[i] = depths[slots[i]];
  }

  depth(slot: number, hashes: Uint32Array, count: number): number {
    for (let block = 0; block < count; block++) {
      const row = this.#table.find(hashes[2 * block] | 0, hashes[2 * block + 1] | 0);
      if (row < 0 || !this.#holdings.holds(row, slot)) return block;
    }
    return count;
  }

  learn(slot: number, hashes: Uint32Array, count: number, capacity: number): void {
    const holdings = this.#holdings;
    this.#slots = Math.max(this.#slots, slot + 1);
    // From the last block to the first, so that of one prompt the first blocks are dropped last.
    for (let block = Math.min(count, capacity) - 1; block >= 0; block--) {
      const row = this.#table.add(hashes[2 * block] | 0, hashes[2 * block + 1] | 0);
      if (holdings.holds(row, slot)) holdings.touch(row, slot);
      else holdings.add(row, slot, "newest");
    }
    this.limit(slot, capacity);
    this.#keepToLimit();
  }

  unlearn(slot: number, hashes: Uint32Array, from: number, count: number): void {
    for (let block = from; block < count; block++) {
      const row = this.#table.find(hashes[2 * block] | 0, hashes[2 * block + 1] | 0);
      if (row >= 0 && this.#holdings.holds(row, slot)) this.#holdings.remove(row, slot);
    }
  }

  limit(slot: number, capacity: number): void {
    for (let held = this.held(slot); held > capacity; held--) this.#holdings.removeOldest(slot);
  }

  recall(slot: number, low: number, high: number, capacity: number): boolean {
    if (this.held(slot) >= capacity || this.pairs >= this.#mostPairs) return false;
    this.#slots = Math.max(this.#slots, slot + 1);
    const row = this.#table.add(low | 0, high | 0);
    if (!this.#holdings.holds(row, slot)) this.#holdings.add(row, slot, "oldest");
    return true;
  }

  held(slot: number): number {
    return this.#holdings.held(slot);
  }

  latest(slot: number, most: number): Uint32Array {
    const { chunks, strides } = this.#table;
    const hashes = new Uint32Array(2 * Math.min(most, this.held(slot)));
    let row = this.#holdings.newest(slot);
    for (let at = 0; at < hashes.length; at += 2) {
      const start = (row & rowMask) * strides[row >>> rowBits];
      hashes[at] = chunks[row >>> rowBits][start];
      hashes[at + 1] = chunks[row >>> rowBits][start + 1];
      row = this.#holdings.before(row, slot);
    }
    return hashes;
  }

  forget(slot: number): void {
    this.limit(slot, 0);
  }

  /** Takes from the endpoints that hold most what is held beyond the limit of all. */
  #keepToLimit(): void {
    while (this.pairs > this.#mostPairs) {
      let most = 0;
      for (let slot = 1; slot < this.#slots; slot++) if (this.held(slot) > this.held(most)) most = slot;
      this.limit(most, this.held(most) - Math.min(this.pairs - this.#mostPairs, Math.ceil(this.held(most) / 16)));
    }
  }

  /** All slots are alive at first. */
  #begin(slots: Uint32Array): void {
    const count = slots.length;
    const words = count === 0 ? 0 : (slots[count - 1] >>> 5) + 1;
    if (this.#alive.length < words) this.#widen(words);
    this.#depths.fill(0, 0, 32 * words);
    const alive = this.#alive;
    const live = this.#live;
    let liveWords = 0;
    for (let i = 0; i < count; ) {
      const word = slots[i] >>> 5;
      let bits = 0;
      for (; i < count && slots[i] >>> 5 === word; i++) bits |= 1 << (slots[i] & 31);
      alive[word] = bits;
      live[liveWords++] = word;
    }
    this.#liveWords = liveWords;
  }

  #widen(words: number): void {
    this.#alive = new Int32Array(words);
    this.#live = new Int32Array(words);
    this.#depths = new Uint32Array(32 * words);
  }

  /** Whether all endpoints that are alive hold a block. */
  #allHold(hashes: Uint32Array, block: number): boolean {
    const row = this.#table.find(hashes[2 * block] | 0, hashes[2 * block + 1] | 0);
    if (row < 0) return false;
    const stride = this.#table.strides[row >>> rowBits];
    const chunk = this.#table.chunks[row >>> rowBits];
    const start = (row & rowMask) * stride + holdersAt;
    for (let i = 0; i < this.#liveWords; i++) {
      const word = this.#live[i];
      if (word >= stride - holdersAt || (this.#alive[word] & ~chunk[start + word]) !== 0) return false;
    }
    return true;
  }

  /** Goes from block to block; with the first that nobody holds it ends for all. */
  #descend(hashes: Uint32Array, from: number, to: number): void {
    const found = this.#findRows(hashes, from, to);
    for (let i = 0; i < found && this.#liveWords > 0; i++) this.#keepHolders(this.#rows[i], from + i);
    if (found < to - from) this.#end(from + found);
  }

  /** Rows of blocks up to the first that nobody holds. Returns how many. */
  #findRows(hashes: Uint32Array, from: number, to: number): number {
    const table = this.#table;
    const rows = this.#rows;
    for (let block = from; block < to; block++) {
      const row = table.find(hashes[2 * block] | 0, hashes[2 * block + 1] | 0);
      if (row < 0) return block - from;
      rows[block - from] = row;
    }
    return to - from;
  }

  /** Notes the depth of the slots that do not hold a block: they are alive no more. */
  #keepHolders(row: number, block: number): void {
    const stride = this.#table.strides[row >>> rowBits];
    const chunk = this.#table.chunks[row >>> rowBits];
    const start = (row & rowMask) * stride + holdersAt;
    const alive = this.#alive;
    const live = this.#live;
    const liveWords = this.#liveWords;
    let kept = 0;
    for (let i = 0; i < liveWords; i++) {
      const word = live[i];
      const before = alive[word];
      const after = word < stride - holdersAt ? before & chunk[start + word] : 0;
      if (after !== before) {
        if (block > 0) writeDepth(this.#depths, word, before & ~after, block);
        alive[word] = after;
        if (after === 0) continue;
      }
      live[kept++] = word;
    }
    this.#liveWords = kept;
  }

  /** Notes the depth of all that are still alive. */
  #end(depth: number): void {
    for (let i = 0; i < this.#liveWords && depth > 0; i++) {
      writeDepth(this.#depths, this.#live[i], this.#alive[this.#live[i]], depth);
    }
    this.#liveWords = 0;
  }
}

/** Notes the depth of the slots whose bits are set. */
function writeDepth(depths: Uint32Array, word: number, bits: number, depth: number): void {
  for (let left = bits; left !== 0; left &= left - 1) depths[32 * word + 31 - Math.clz32(left & -left)] = depth;
}
