const empty = -1;

/**
 * Which block holds which content: an open-addressing table from content key to block, its keys kept in the caller's
 * column, so that an entry costs eight bytes and a look-up no allocation.
 */
export class KeyIndex {
  readonly #keys: Float64Array;
  readonly #slots: Int32Array;
  /** Slot of each block in the index, so that taking it out needs no search. */
  readonly #slotOf: Int32Array;
  readonly #mask: number;
  readonly #shift: number;

  /** @param keys content key per block, written by the caller before `put` and kept until after `remove`. */
  constructor(keys: Float64Array) {
    const bits = Math.max(4, Math.ceil(Math.log2(keys.length * 2)));
    this.#keys = keys;
    this.#slots = new Int32Array(2 ** bits).fill(empty);
    this.#slotOf = new Int32Array(keys.length);
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
  }

  /** The block with this content, or -1. */
  find(key: number): number {
    return this.#slots[this.#slotFor(key)];
  }

  /** Adds a block, its key written, in place of the one with the same content, if any. */
  put(block: number): void {
    const slot = this.#slotFor(this.#keys[block]);
    this.#slots[slot] = block;
    this.#slotOf[block] = slot;
  }

  /** Takes a block out that is in the index, and moves later ones of its chain forward: no tombstone lengthens it. */
  remove(block: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = this.#slotOf[block];
    for (let slot = (hole + 1) & mask; slots[slot] !== empty; slot = (slot + 1) & mask) {
      const moved = slots[slot];
      const home = this.#home(this.#keys[moved]);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = moved;
      this.#slotOf[moved] = hole;
      hole = slot;
    }
    slots[hole] = empty;
  }

  /** The slot that holds this content, or the empty one where it would go. */
  #slotFor(key: number): number {
    const slots = this.#slots;
    const keys = this.#keys;
    let slot = this.#home(key);
    while (slots[slot] !== empty && keys[slots[slot]] !== key) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #home(key: number): number {
    const high = (key / 0x1_0000_0000) | 0;
    const low = key | 0;
    return Math.imul(low ^ Math.imul(high, 0x9e37_79b1), 0x85eb_ca6b) >>> this.#shift;
  }
}
