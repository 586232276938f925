import { KeyIndex } from "./key-index.ts";

const noKey = -1;

/**
 * The KV-cache blocks of one engine. A block in use is counted by its users; one that nobody uses stays findable by
 * its content until it is needed for other content, the least recently used first.
 */
export class BlockPool {
  /** Blocks in all. */
  readonly totalBlocks: number;
  readonly #users: Int32Array;
  readonly #decoders: Int32Array;
  readonly #keys: Float64Array;
  readonly #index: KeyIndex;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #freeBlocks: number;
  #decodedBlocks = 0;

  /** @param totalBlocks at least 1. */
  constructor(totalBlocks: number) {
    this.totalBlocks = totalBlocks;
    this.#users = new Int32Array(totalBlocks);
    this.#decoders = new Int32Array(totalBlocks);
    this.#keys = new Float64Array(totalBlocks).fill(noKey);
    this.#index = new KeyIndex(this.#keys);
    this.#next = Int32Array.from({ length: totalBlocks + 1 }, (_, i) => (i + 1) % (totalBlocks + 1));
    this.#previous = Int32Array.from({ length: totalBlocks + 1 }, (_, i) => (i === 0 ? totalBlocks : i - 1));
    this.#freeBlocks = totalBlocks;
  }

  /** Blocks that nobody uses, with or without content. */
  get freeBlocks(): number {
    return this.#freeBlocks;
  }

  /** Distinct blocks that decoding sequences reference. */
  get decodedBlocks(): number {
    return this.#decodedBlocks;
  }

  /** The block with this content, or -1. */
  find(key: number): number {
    return this.#index.find(key);
  }

  /** Whether nobody uses a block: to retain it costs a free block. */
  isFree(block: number): boolean {
    return this.#users[block] === 0;
  }

  /** The free block that was unused longest, for new content of one user; there must be one. */
  take(): number {
    const block = this.#next[this.totalBlocks];
    this.#unlink(block);
    this.#forget(block);
    this.#users[block] = 1;
    return block;
  }

  /** One more user of a block found by content. */
  retain(block: number): void {
    if (this.#users[block] === 0) this.#unlink(block);
    this.#users[block] += 1;
  }

  /** One user less; the last one makes the block the most recently used of the free ones. */
  release(block: number): void {
    this.#users[block] -= 1;
    if (this.#users[block] === 0) this.#append(block);
  }

  /** Makes a block in use, that has no content yet, findable; where two hold one content, the one in use is found. */
  publish(block: number, key: number): void {
    const known = this.#index.find(key);
    if (known >= 0 && this.#users[known] > 0) return;
    this.#keys[block] = key;
    this.#index.put(block);
    if (known >= 0) this.#keys[known] = noKey;
  }

  /** Counts a decoding sequence on a block. */
  addDecoder(block: number): void {
    if (this.#decoders[block] === 0) this.#decodedBlocks += 1;
    this.#decoders[block] += 1;
  }

  /** Takes a decoding sequence off a block. */
  removeDecoder(block: number): void {
    this.#decoders[block] -= 1;
    if (this.#decoders[block] === 0) this.#decodedBlocks -= 1;
  }

  #forget(block: number): void {
    if (this.#keys[block] === noKey) return;
    this.#index.remove(block);
    this.#keys[block] = noKey;
  }

  #unlink(block: number): void {
    this.#next[this.#previous[block]] = this.#next[block];
    this.#previous[this.#next[block]] = this.#previous[block];
    this.#freeBlocks -= 1;
  }

  #append(block: number): void {
    const last = this.#previous[this.totalBlocks];
    this.#next[last] = block;
    this.#previous[block] = last;
    this.#next[block] = this.totalBlocks;
    this.#previous[this.totalBlocks] = block;
    this.#freeBlocks += 1;
  }
}
