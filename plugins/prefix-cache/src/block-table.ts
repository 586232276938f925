/**
 * Prefix blocks that some endpoint is believed to hold: their 64-bit hashes in an open-addressing table, and for each a
 * bitmap of its holders. A block is known by its row, a number that stays the same while it is held.
 */
export interface BlockTable {
  /** Blocks in the table. */
  readonly size: number;
  /** Words of one row's bitmap. */
  readonly width: number;
  /** Bitmaps of all rows, `width` words each, bit `slot % 32` of word `slot ÷ 32`; another array when the table grows. */
  readonly holders: Uint32Array;
  /** Memory of the arrays, in bytes. */
  readonly bytes: number;
  /** Row of a block; -1 where nobody holds it. */
  find(low: number, high: number): number;
  /** Notes a holder of a block. Returns its row. */
  hold(low: number, high: number, slot: number): number;
  /** Notes that an endpoint holds the block of a row no more; the last one takes the row with it. */
  release(row: number, slot: number): void;
}

/** An empty table. */
export function createBlockTable(): BlockTable {
  return new FlatBlockTable();
}

const firstRows = 1_024;

class FlatBlockTable implements BlockTable {
  size = 0;
  width = 1;
  holders: Uint32Array = new Uint32Array(firstRows);
  #lows: Uint32Array = new Uint32Array(firstRows);
  #highs: Uint32Array = new Uint32Array(firstRows);
  /** Number of holders by row; of a free row the next free one + 1. */
  #counts: Uint32Array = new Uint32Array(firstRows);
  /** Row + 1 by place; 0 = empty. Twice as long as the rows, so that searches are short. */
  #places: Uint32Array = new Uint32Array(2 * firstRows);
  /** First free row + 1; 0 = none but those never used. */
  #free = 0;
  /** Rows that have ever been used. */
  #used = 0;

  get bytes(): number {
    return this.holders.byteLength + 3 * this.#lows.byteLength + this.#places.byteLength;
  }

  find(low: number, high: number): number {
    const mask = this.#places.length - 1;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const row = this.#places[place] - 1;
      if (row < 0 || (this.#lows[row] === low && this.#highs[row] === high)) return row;
    }
  }

  hold(low: number, high: number, slot: number): number {
    if (slot >= 32 * this.width) this.#widen(slot);
    const found = this.find(low, high);
    const row = found < 0 ? this.#insert(low, high) : found;
    const word = row * this.width + (slot >>> 5);
    const bit = 1 << (slot & 31);
    if ((this.holders[word] & bit) === 0) {
      this.holders[word] |= bit;
      this.#counts[row]++;
    }
    return row;
  }

  release(row: number, slot: number): void {
    this.holders[row * this.width + (slot >>> 5)] &= ~(1 << (slot & 31));
    if (--this.#counts[row] > 0) return;
    this.#vacate(row);
    this.#counts[row] = this.#free;
    this.#free = row + 1;
    this.size--;
  }

  #insert(low: number, high: number): number {
    if (this.#free === 0 && this.#used === this.#lows.length) this.#grow();
    const row = this.#free === 0 ? this.#used++ : this.#free - 1;
    if (row === this.#free - 1) this.#free = this.#counts[row];
    this.#lows[row] = low;
    this.#highs[row] = high;
    this.#counts[row] = 0;
    this.#settle(row);
    this.size++;
    return row;
  }

  /** Puts a row into the first empty place from its home on. */
  #settle(row: number): void {
    const mask = this.#places.length - 1;
    let place = this.#lows[row] & mask;
    while (this.#places[place] !== 0) place = (place + 1) & mask;
    this.#places[place] = row + 1;
  }

  /** Empties a row's place; rows behind it that would no longer be found move up. */
  #vacate(row: number): void {
    const mask = this.#places.length - 1;
    let hole = this.#lows[row] & mask;
    while (this.#places[hole] !== row + 1) hole = (hole + 1) & mask;
    for (let place = (hole + 1) & mask; this.#places[place] !== 0; place = (place + 1) & mask) {
      const home = this.#lows[this.#places[place] - 1] & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      this.#places[hole] = this.#places[place];
      hole = place;
    }
    this.#places[hole] = 0;
  }

  #grow(): void {
    const rows = 2 * this.#lows.length;
    this.#lows = enlarge(this.#lows, rows);
    this.#highs = enlarge(this.#highs, rows);
    this.#counts = enlarge(this.#counts, rows);
    this.holders = enlarge(this.holders, rows * this.width);
    this.#places = new Uint32Array(2 * rows);
    for (let row = 0; row < this.#used; row++) this.#settle(row);
  }

  /** Makes room for a slot in each row's bitmap. */
  #widen(slot: number): void {
    const width = (slot >>> 5) + 1;
    const holders = new Uint32Array(this.#lows.length * width);
    for (let row = 0; row < this.#used; row++) {
      for (let word = 0; word < this.width; word++) {
        holders[row * width + word] = this.holders[row * this.width + word];
      }
    }
    this.holders = holders;
    this.width = width;
  }
}

function enlarge(source: Uint32Array, length: number): Uint32Array {
  const target = new Uint32Array(length);
  target.set(source);
  return target;
}
