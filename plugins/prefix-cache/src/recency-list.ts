/**
 * What one endpoint holds, from the item touched last to the one touched longest ago: a doubly linked list whose nodes
 * stand in an open-addressing table, 12 bytes each. Items are numbers below 2^32 − 1.
 */
export interface RecencyList {
  readonly size: number;
  /** Memory of the list, in bytes. */
  readonly bytes: number;
  /** Puts an item in front; it is added where it was not there. */
  touch(item: number): void;
  /** Removes the item touched longest ago and returns it; -1 where there is none. */
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

/** Words of a node: the item + 1, 0 = no node; the node touched next later; the one touched next earlier. */
const stride = 3;
const laterAt = 1;
const earlierAt = 2;

/** A node is named by its first word; `none` stands at both ends. */
class TableList implements RecencyList {
  size = 0;
  #nodes: Uint32Array = new Uint32Array(firstPlaces * stride);
  #mask = firstPlaces - 1;
  #newest = none;
  #oldest = none;

  get bytes(): number {
    return this.#nodes.byteLength;
  }

  touch(item: number): void {
    let node = this.#find(item);
    if (node === this.#newest) return;
    if (this.#nodes[node] !== 0) this.#unlink(node);
    else {
      if (this.size >= maxLoad * (this.#mask + 1)) {
        this.#grow();
        node = this.#find(item);
      }
      this.#nodes[node] = item + 1;
      this.size++;
    }
    this.#linkNewest(node);
  }

  removeOldest(): number {
    const node = this.#oldest;
    if (node === none) return -1;
    const item = this.#nodes[node] - 1;
    this.#unlink(node);
    this.#vacate(node);
    this.size--;
    return item;
  }

  /** Node of an item, or the empty one where it would go. */
  #find(item: number): number {
    const nodes = this.#nodes;
    const mask = this.#mask;
    let place = homeOf(item, mask);
    while (nodes[place * stride] !== 0 && nodes[place * stride] !== item + 1) place = (place + 1) & mask;
    return place * stride;
  }

  #linkNewest(node: number): void {
    const nodes = this.#nodes;
    const before = this.#newest;
    nodes[node + laterAt] = none;
    nodes[node + earlierAt] = before;
    if (before === none) this.#oldest = node;
    else nodes[before + laterAt] = node;
    this.#newest = node;
  }

  #unlink(node: number): void {
    const nodes = this.#nodes;
    this.#join(nodes[node + earlierAt], nodes[node + laterAt]);
  }

  /** Makes two nodes neighbours. */
  #join(earlier: number, later: number): void {
    if (later === none) this.#newest = earlier;
    else this.#nodes[later + earlierAt] = earlier;
    if (earlier === none) this.#oldest = later;
    else this.#nodes[earlier + laterAt] = later;
  }

  /** Empties the place of an unlinked node; nodes behind it that would no longer be found move up. */
  #vacate(node: number): void {
    const nodes = this.#nodes;
    const mask = this.#mask;
    let hole = node / stride;
    for (let place = (hole + 1) & mask; nodes[place * stride] !== 0; place = (place + 1) & mask) {
      const home = homeOf(nodes[place * stride] - 1, mask);
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      this.#move(place * stride, hole * stride);
      hole = place;
    }
    nodes[hole * stride] = 0;
  }

  #move(from: number, to: number): void {
    const nodes = this.#nodes;
    nodes[to] = nodes[from];
    nodes[to + laterAt] = nodes[from + laterAt];
    nodes[to + earlierAt] = nodes[from + earlierAt];
    this.#join(nodes[to + earlierAt], to);
    this.#join(to, nodes[to + laterAt]);
  }

  #grow(): void {
    const nodes = this.#nodes;
    let node = this.#oldest;
    this.#nodes = new Uint32Array(2 * nodes.length);
    this.#mask = 2 * this.#mask + 1;
    this.#newest = this.#oldest = none;
    for (; node !== none; node = nodes[node + laterAt]) {
      const target = this.#find(nodes[node] - 1);
      this.#nodes[target] = nodes[node];
      this.#linkNewest(target);
    }
  }
}

/** First place sought for an item; neighbouring items are spread (Fibonacci hashing). */
function homeOf(item: number, mask: number): number {
  const mixed = Math.imul(item, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}
