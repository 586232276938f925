/**
 * The rows that one endpoint holds, from the one touched last to the one touched longest ago: a doubly linked list
 * whose nodes stand in an open-addressing table, 12 bytes each.
 */
export interface RecencyList {
  readonly size: number;
  /** Memory of the arrays, in bytes. */
  readonly bytes: number;
  /** Puts a row in front; it is added where it was not there. */
  touch(row: number): void;
  /** Removes the row touched longest ago and returns it; -1 where there is none. */
  removeOldest(): number;
}

/** An empty list. */
export function createRecencyList(): RecencyList {
  return new TableList();
}

const firstPlaces = 64;
/** Share of the places that are taken at most. */
const maxLoad = 0.8;
const none = 0xffffffff;

class TableList implements RecencyList {
  size = 0;
  /** Row + 1 by place; 0 = empty. */
  #rows: Uint32Array = new Uint32Array(firstPlaces);
  /** Place of the row touched next later, and next earlier; `none` at the ends. */
  #later: Uint32Array = new Uint32Array(firstPlaces);
  #earlier: Uint32Array = new Uint32Array(firstPlaces);
  #newest = none;
  #oldest = none;

  get bytes(): number {
    return 3 * this.#rows.byteLength;
  }

  touch(row: number): void {
    let place = this.#find(row);
    if (this.#rows[place] !== 0) {
      if (place === this.#newest) return;
      this.#unlink(place);
    } else {
      if (this.size + 1 > maxLoad * this.#rows.length) {
        this.#grow();
        place = this.#find(row);
      }
      this.#rows[place] = row + 1;
      this.size++;
    }
    this.#linkNewest(place);
  }

  removeOldest(): number {
    const place = this.#oldest;
    if (place === none) return -1;
    const row = this.#rows[place] - 1;
    this.#unlink(place);
    this.#vacate(place);
    this.size--;
    return row;
  }

  /** Place of a row, or the empty one where it would go. */
  #find(row: number): number {
    const mask = this.#rows.length - 1;
    let place = homeOf(row, mask);
    while (this.#rows[place] !== 0 && this.#rows[place] !== row + 1) place = (place + 1) & mask;
    return place;
  }

  #linkNewest(place: number): void {
    this.#later[place] = none;
    this.#earlier[place] = this.#newest;
    if (this.#newest === none) this.#oldest = place;
    else this.#later[this.#newest] = place;
    this.#newest = place;
  }

  #unlink(place: number): void {
    const later = this.#later[place];
    const earlier = this.#earlier[place];
    if (later === none) this.#newest = earlier;
    else this.#earlier[later] = earlier;
    if (earlier === none) this.#oldest = later;
    else this.#later[earlier] = later;
  }

  /** Empties an unlinked place; rows behind it that would no longer be found move up, their neighbours told. */
  #vacate(from: number): void {
    const mask = this.#rows.length - 1;
    let hole = from;
    for (let place = (hole + 1) & mask; this.#rows[place] !== 0; place = (place + 1) & mask) {
      const home = homeOf(this.#rows[place] - 1, mask);
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      this.#move(place, hole);
      hole = place;
    }
    this.#rows[hole] = 0;
  }

  #move(from: number, to: number): void {
    const later = this.#later[from];
    const earlier = this.#earlier[from];
    this.#rows[to] = this.#rows[from];
    this.#later[to] = later;
    this.#earlier[to] = earlier;
    if (later === none) this.#newest = to;
    else this.#earlier[later] = to;
    if (earlier === none) this.#oldest = to;
    else this.#later[earlier] = to;
  }

  #grow(): void {
    const rows = this.#rows;
    const later = this.#later;
    let place = this.#oldest;
    this.#rows = new Uint32Array(2 * rows.length);
    this.#later = new Uint32Array(2 * rows.length);
    this.#earlier = new Uint32Array(2 * rows.length);
    this.#newest = this.#oldest = none;
    for (; place !== none; place = later[place]) {
      const row = rows[place] - 1;
      const target = this.#find(row);
      this.#rows[target] = row + 1;
      this.#linkNewest(target);
    }
  }
}

/** First place sought for a row; neighbouring rows are spread (Fibonacci hashing). */
function homeOf(row: number, mask: number): number {
  const mixed = Math.imul(row, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}
