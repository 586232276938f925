/**
 * Prefix blocks that some endpoint is believed to hold: their 64-bit hashes in an open-addressing table, and for each a
 * bitmap of its holders. A block is known by its row, a number that stays the same while it is held. All that belongs
 * to a row stands together, since each access to memory that is not at hand costs more than all the arithmetic.
 */
export interface BlockTable {
  /** Blocks in the table. */
  readonly size: number;
  /** Rows, `stride` words each, the bitmap of holders from word {@link holdersAt} on; another array when it grows. */
  readonly rows: Uint32Array;
  /** Words of a row. */
  readonly stride: number;
  /** Memory of the arrays, in bytes. */
  readonly bytes: number;
  /** Row of a block; -1 where nobody holds it. */
  find(low: number, high: number): number;
  /** Notes a holder of a block. Returns its row. */
  hold(low: number, high: number, slot: number): number;
  /** Notes that an endpoint holds the block of a row no more; the last one takes the row with it. */
  release(row: number, slot: number): void;
}

/** First word of a row's bitmap: bit `slot % 32` of word `slot ÷ 32`. Before it low and high word of the hash, count. */
export const holdersAt = 3;

/** Number of holders; in a free row the next free one + 1. */
const countAt = 2;
const firstRows = 16;

/** An empty table. */
export function createBlockTable(): BlockTable {
  return new FlatBlockTable();
}

class FlatBlockTable implements BlockTable {
  size = 0;
  stride = holdersAt + 1;
  rows: Uint32Array = new Uint32Array(firstRows * this.stride);
  /** Row + 1 by place; 0 = empty. At most three quarters are taken. */
  #places: Uint32Array = new Uint32Array(2 * firstRows);
  /** First free row + 1; 0 = none but those never used. */
  #free = 0;
  /** Rows that have ever been used. */
  #used = 0;

  get bytes(): number {
    return this.rows.byteLength + this.#places.byteLength;
  }

  find(low: number, high: number): number {
    const { rows, stride } = this;
    const places = this.#places;
    const mask = places.length - 1;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const row = places[place] - 1;
      if (row < 0 || (rows[row * stride] === low && rows[row * stride + 1] === high)) return row;
    }
  }

  hold(low: number, high: number, slot: number): number {
    if (holdersAt + (slot >>> 5) >= this.stride) this.#widen(slot);
    const found = this.find(low, high);
    const row = found < 0 ? this.#insert(low, high) : found;
    const start = row * this.stride;
    const word = start + holdersAt + (slot >>> 5);
    const bit = 1 << (slot & 31);
    if ((this.rows[word] & bit) === 0) {
      this.rows[word] |= bit;
      this.rows[start + countAt]++;
    }
    return row;
  }

  release(row: number, slot: number): void {
    const start = row * this.stride;
    this.rows[start + holdersAt + (slot >>> 5)] &= ~(1 << (slot & 31));
    if (--this.rows[start + countAt] > 0) return;
    this.#vacate(row);
    this.rows[start + countAt] = this.#free;
    this.#free = row + 1;
    this.size--;
  }

  #insert(low: number, high: number): number {
    if (this.#free === 0 && (this.#used + 1) * this.stride > this.rows.length) this.#grow();
    const row = this.#takeRow();
    const start = row * this.stride;
    this.rows[start] = low;
    this.rows[start + 1] = high;
    this.rows[start + countAt] = 0;
    this.#settle(row);
    this.size++;
    return row;
  }

  #takeRow(): number {
    if (this.#free === 0) return this.#used++;
    const row = this.#free - 1;
    this.#free = this.rows[row * this.stride + countAt];
    return row;
  }

  /** Puts a row into the first empty place from its home on. */
  #settle(row: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let place = this.rows[row * this.stride] & mask;
    while (places[place] !== 0) place = (place + 1) & mask;
    places[place] = row + 1;
  }

  /** Empties a row's place; rows behind it that would no longer be found move up. */
  #vacate(row: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let hole = this.rows[row * this.stride] & mask;
    while (places[hole] !== row + 1) hole = (hole + 1) & mask;
    for (let place = (hole + 1) & mask; places[place] !== 0; place = (place + 1) & mask) {
      const home = this.rows[(places[place] - 1) * this.stride] & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      places[hole] = places[place];
      hole = place;
    }
    places[hole] = 0;
  }

  /** Makes room for half as many rows again; all rows are in use. */
  #grow(): void {
    const count = Math.ceil(1.5 * this.#used);
    const rows = new Uint32Array(count * this.stride);
    rows.set(this.rows);
    this.rows = rows;
    if (count <= 0.75 * this.#places.length) return;
    this.#places = new Uint32Array(2 * this.#places.length);
    for (let row = 0; row < this.#used; row++) this.#settle(row);
  }

  /** Makes room for a slot in each row's bitmap. */
  #widen(slot: number): void {
    const stride = holdersAt + (slot >>> 5) + 1;
    const rows = new Uint32Array((this.rows.length / this.stride) * stride);
    for (let row = 0; row < this.#used; row++) {
      rows.set(this.rows.subarray(row * this.stride, (row + 1) * this.stride), row * stride);
    }
    this.rows = rows;
    this.stride = stride;
  }
}
