import { type BlockTable, holdersAt, linksAt, rowBits, rowMask } from "./block-table.ts";
import { countBits } from "./chunks.ts";
import { createLinkStore } from "./link-store.ts";

/**
 * Which endpoint holds which rows of a table, and for each endpoint their order, from the row touched last to the one
 * touched longest ago: a doubly linked list whose links stand with the row, where the bitmap of its holders finds them.
 */
export interface Holdings {
  /** Rows held, one that several endpoints hold counted for each. */
  readonly size: number;
  /** Memory of the links, in bytes. */
  readonly bytes: number;
  /** Rows that an endpoint holds. */
  held(slot: number): number;
  /** Row that an endpoint touched last; -1 = it holds none. */
  newest(slot: number): number;
  /** Row that it touched next before this one; -1 = none. */
  before(row: number, slot: number): number;
  /** Whether an endpoint holds a row. */
  holds(row: number, slot: number): boolean;
  /** Puts a row in front of those that an endpoint holds, or behind all: as one touched before them. */
  add(row: number, slot: number, where: "newest" | "oldest"): void;
  /** Puts a row that an endpoint holds in front. */
  touch(row: number, slot: number): void;
  /** An endpoint holds a row no more; the last one takes it out of the table. */
  remove(row: number, slot: number): void;
  /** The same for the row touched longest ago, which there must be. */
  removeOldest(slot: number): void;
}

/** Nobody holds anything. */
export function createHoldings(table: BlockTable): Holdings {
  return new LinkedHoldings(table);
}

const none = -1;
/** Words of a pair of links: the row touched next later, and next earlier. */
const laterAt = 0;
const earlierAt = 1;

class LinkedHoldings implements Holdings {
  size = 0;
  readonly #table: BlockTable;
  readonly #links = createLinkStore((row, reference) => this.#setLinks(row, reference));
  #newest: Int32Array = new Int32Array(32).fill(none);
  #oldest: Int32Array = new Int32Array(32).fill(none);
  #held: Int32Array = new Int32Array(32);

  constructor(table: BlockTable) {
    this.#table = table;
  }

  get bytes(): number {
    return this.#links.bytes + 3 * this.#held.byteLength;
  }

  held(slot: number): number {
    return slot < this.#held.length ? this.#held[slot] : 0;
  }

  newest(slot: number): number {
    return slot < this.#newest.length ? this.#newest[slot] : none;
  }

  before(row: number, slot: number): number {
    return this.#locate(row, slot)[this.#links.at + earlierAt];
  }

  holds(row: number, slot: number): boolean {
    const { chunks, strides } = this.#table;
    const word = holdersAt + (slot >>> 5);
    const stride = strides[row >>> rowBits];
    if (word >= stride) return false;
    return (chunks[row >>> rowBits][(row & rowMask) * stride + word] & (1 << (slot & 31))) !== 0;
  }

  add(row: number, slot: number, where: "newest" | "oldest"): void {
    this.#makeRoom(slot);
    this.#table.widen(row, slot);
    const { rank, count } = this.#place(row, slot);
    this.#setLinks(row, this.#links.insert(row, this.#linksOf(row), count, rank));
    this.#flip(row, slot);
    this.size++;
    this.#held[slot]++;
    if (where === "newest") this.#join(slot, this.#newest[slot], row, none);
    else this.#join(slot, none, row, this.#oldest[slot]);
  }

  touch(row: number, slot: number): void {
    if (this.#newest[slot] === row) return;
    this.#unlink(row, slot);
    this.#join(slot, this.#newest[slot], row, none);
  }

  remove(row: number, slot: number): void {
    this.#unlink(row, slot);
    this.#flip(row, slot);
    const { rank, count } = this.#place(row, slot);
    this.#setLinks(row, this.#links.remove(this.#linksOf(row), count + 1, rank));
    this.size--;
    this.#held[slot]--;
    if (count === 0) this.#table.remove(row);
  }

  removeOldest(slot: number): void {
    this.remove(this.#oldest[slot], slot);
  }

  /** Holders of a row whose slots are lower, and all of them. */
  #place(row: number, slot: number): { readonly rank: number; readonly count: number } {
    const stride = this.#table.strides[row >>> rowBits];
    const chunk = this.#table.chunks[row >>> rowBits];
    const start = (row & rowMask) * stride + holdersAt;
    const own = slot >>> 5;
    let rank = countBits(chunk[start + own] & ((1 << (slot & 31)) - 1));
    let count = 0;
    for (let word = 0; word < stride - holdersAt; word++) {
      const bits = countBits(chunk[start + word]);
      if (word < own) rank += bits;
      count += bits;
    }
    return { rank, count };
  }

  #flip(row: number, slot: number): void {
    const at = (row & rowMask) * this.#table.strides[row >>> rowBits] + holdersAt + (slot >>> 5);
    this.#table.chunks[row >>> rowBits][at] ^= 1 << (slot & 31);
  }

  #linksOf(row: number): number {
    return this.#table.chunks[row >>> rowBits][(row & rowMask) * this.#table.strides[row >>> rowBits] + linksAt];
  }

  #setLinks(row: number, reference: number): void {
    const at = (row & rowMask) * this.#table.strides[row >>> rowBits] + linksAt;
    this.#table.chunks[row >>> rowBits][at] = reference;
  }

  #unlink(row: number, slot: number): void {
    const links = this.#locate(row, slot);
    const at = this.#links.at;
    this.#meet(slot, links[at + earlierAt], links[at + laterAt]);
  }

  /** Puts a row between two neighbours. */
  #join(slot: number, earlier: number, row: number, later: number): void {
    this.#meet(slot, earlier, row);
    this.#meet(slot, row, later);
  }

  /** Makes two rows neighbours; `none` stands at both ends. */
  #meet(slot: number, earlier: number, later: number): void {
    if (earlier === none) this.#oldest[slot] = later;
    else this.#set(earlier, slot, laterAt, later);
    if (later === none) this.#newest[slot] = earlier;
    else this.#set(later, slot, earlierAt, earlier);
  }

  #set(row: number, slot: number, word: number, value: number): void {
    this.#locate(row, slot)[this.#links.at + word] = value;
  }

  #locate(row: number, slot: number): Int32Array {
    const stride = this.#table.strides[row >>> rowBits];
    const chunk = this.#table.chunks[row >>> rowBits];
    const start = (row & rowMask) * stride;
    const own = start + holdersAt + (slot >>> 5);
    let rank = countBits(chunk[own] & ((1 << (slot & 31)) - 1));
    for (let word = start + holdersAt; word < own; word++) if (chunk[word] !== 0) rank += countBits(chunk[word]);
    return this.#links.locate(chunk[start + linksAt], rank);
  }

  #makeRoom(slot: number): void {
    if (slot < this.#held.length) return;
    const size = 2 ** Math.ceil(Math.log2(slot + 1));
    const grow = (known: Int32Array, empty: number) => {
      const grown = new Int32Array(size).fill(empty);
      grown.set(known);
      return grown;
    };
    this.#newest = grow(this.#newest, none);
    this.#oldest = grow(this.#oldest, none);
    this.#held = grow(this.#held, 0);
  }
}
