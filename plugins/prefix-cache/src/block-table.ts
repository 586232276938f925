import { bytesOf, makeRoom } from "./chunks.ts";

/**
 * Prefix blocks that some endpoint is believed to hold: their 64-bit hashes, as two signed words, in a table, and for each a bitmap of its
 * holders. A block is known by its row, a number that stays the same while it is held. All that belongs to a row stands
 * together, since each access to memory that is not at hand costs more than all the arithmetic. The table grows bucket
 * by bucket (linear hashing) and its rows chunk by chunk, so that no call pays for all that is there.
 */
export interface BlockTable {
  /** Blocks in the table. */
  readonly size: number;
  /** Rows, 2^{@link rowBits} in a chunk; another array where one grows. */
  readonly chunks: readonly Int32Array[];
  /** Words of a row, by chunk. */
  readonly strides: readonly number[];
  /** Memory of the arrays, in bytes. */
  readonly bytes: number;
  /** Row of a block; -1 where nobody holds it. */
  find(low: number, high: number): number;
  /** Row of a block, made where there is none. */
  add(low: number, high: number): number;
  /** Takes a row out that nobody holds. */
  remove(row: number): void;
  /** Makes room for a slot in a row's bitmap, and in those beside it. */
  widen(row: number, slot: number): void;
}

/** A row's chunk is `row >>> rowBits`. */
export const rowBits = 14;
/** A row's place in its chunk is `row & rowMask`. */
export const rowMask: number = (1 << rowBits) - 1;
/** Word of a row that tells where its holders' links stand. Before it low and high word of the hash, next in bucket. */
export const linksAt = 3;
/** First word of a row's bitmap: bit `slot % 32` of word `slot ÷ 32`. */
export const holdersAt = 4;

const nextAt = 2;
const bucketBits = 16;
const bucketMask = (1 << bucketBits) - 1;
const firstBuckets = 64;
/** Buckets for each block. */
const bucketsPerBlock = 2;

/** An empty table. */
export function createBlockTable(): BlockTable {
  return new LinearTable();
}

class LinearTable implements BlockTable {
  size = 0;
  readonly chunks: Int32Array[] = [new Int32Array(16 * (holdersAt + 1))];
  readonly strides: number[] = [holdersAt + 1];
  /** First row + 1 of each bucket; 0 = none. */
  readonly #heads: Int32Array[] = [new Int32Array(firstBuckets)];
  #buckets = firstBuckets;
  /** Largest power of two that is no more than the buckets: those below it were split in this round, or are to be. */
  #half = firstBuckets;
  /** First free row + 1; 0 = none but those never used. */
  #free = 0;
  /** Rows that have ever been used. */
  #used = 0;

  get bytes(): number {
    return bytesOf(this.chunks) + bytesOf(this.#heads);
  }

  find(low: number, high: number): number {
    const { chunks, strides } = this;
    const bucket = this.#bucketOf(low);
    let row = this.#heads[bucket >>> bucketBits][bucket & bucketMask] - 1;
    while (row >= 0) {
      const chunk = chunks[row >>> rowBits];
      const at = (row & rowMask) * strides[row >>> rowBits];
      if (chunk[at] === low && chunk[at + 1] === high) return row;
      row = chunk[at + nextAt] - 1;
    }
    return row;
  }

  add(low: number, high: number): number {
    const found = this.find(low, high);
    if (found >= 0) return found;
    const row = this.#takeRow();
    const chunk = this.chunks[row >>> rowBits];
    const at = (row & rowMask) * this.strides[row >>> rowBits];
    chunk[at] = low;
    chunk[at + 1] = high;
    this.#enter(row, this.#bucketOf(low));
    this.size++;
    while (this.#buckets < bucketsPerBlock * this.size) this.#split();
    return row;
  }

  remove(row: number): void {
    const chunk = this.chunks[row >>> rowBits];
    const at = (row & rowMask) * this.strides[row >>> rowBits];
    this.#leave(row, this.#bucketOf(chunk[at]));
    chunk[at + nextAt] = this.#free;
    this.#free = row + 1;
    this.size--;
  }

  widen(row: number, slot: number): void {
    const number = row >>> rowBits;
    const stride = holdersAt + (slot >>> 5) + 1;
    const known = this.strides[number];
    if (stride <= known) return;
    const before = this.chunks[number];
    const after = new Int32Array((before.length / known) * stride);
    for (let from = 0, to = 0; from < before.length; from += known, to += stride) {
      for (let word = 0; word < known; word++) after[to + word] = before[from + word];
    }
    this.chunks[number] = after;
    this.strides[number] = stride;
  }

  #bucketOf(low: number): number {
    const bucket = low & (2 * this.#half - 1);
    return bucket < this.#buckets ? bucket : bucket - this.#half;
  }

  /** A free row, all zero but for its hash and next. */
  #takeRow(): number {
    if (this.#free > 0) {
      const row = this.#free - 1;
      this.#free = this.chunks[row >>> rowBits][(row & rowMask) * this.strides[row >>> rowBits] + nextAt];
      return row;
    }
    const row = this.#used++;
    this.strides[row >>> rowBits] ??= this.strides[(row >>> rowBits) - 1];
    makeRoom(this.chunks, row, rowBits, this.strides[row >>> rowBits]);
    return row;
  }

  #enter(row: number, bucket: number): void {
    const heads = this.#heads[bucket >>> bucketBits];
    this.#setNext(row, heads[bucket & bucketMask]);
    heads[bucket & bucketMask] = row + 1;
  }

  #leave(row: number, bucket: number): void {
    const heads = this.#heads[bucket >>> bucketBits];
    const next = this.#nextOf(row);
    let before = heads[bucket & bucketMask] - 1;
    if (before === row) {
      heads[bucket & bucketMask] = next;
      return;
    }
    while (this.#nextOf(before) !== row + 1) before = this.#nextOf(before) - 1;
    this.#setNext(before, next);
  }

  /** Adds a bucket and moves to it what belongs there of the one that stood for both. */
  #split(): void {
    const added = this.#buckets;
    const bucket = added - this.#half;
    makeRoom(this.#heads, added, bucketBits, 1);
    this.#heads[added >>> bucketBits][added & bucketMask] = 0;
    const heads = this.#heads[bucket >>> bucketBits];
    let row = heads[bucket & bucketMask] - 1;
    heads[bucket & bucketMask] = 0;
    this.#buckets++;
    while (row >= 0) {
      const next = this.#nextOf(row) - 1;
      const low = this.chunks[row >>> rowBits][(row & rowMask) * this.strides[row >>> rowBits]];
      this.#enter(row, (low & this.#half) === 0 ? bucket : added);
      row = next;
    }
    if (this.#buckets === 2 * this.#half) this.#half *= 2;
  }

  #nextOf(row: number): number {
    return this.chunks[row >>> rowBits][(row & rowMask) * this.strides[row >>> rowBits] + nextAt];
  }

  #setNext(row: number, next: number): void {
    this.chunks[row >>> rowBits][(row & rowMask) * this.strides[row >>> rowBits] + nextAt] = next;
  }
}
