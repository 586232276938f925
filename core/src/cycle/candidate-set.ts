import type { CandidateData } from "../contract/index.ts";

/** The candidates of a step of the decision, with what producers wrote for them. */
export class CandidateSet implements CandidateData {
  /** Slots, ascending. */
  readonly slots: Uint32Array;
  /** Values of each key by the position of a candidate in {@link #all}. */
  readonly #produced: ReadonlyMap<string, Float32Array>;
  /** Candidates that the producers were asked about. */
  readonly #all: Uint32Array;
  readonly #own = new Map<string, Float32Array>();
  #bitmap: Uint8Array | undefined;

  constructor(slots: Uint32Array, all: Uint32Array, produced: ReadonlyMap<string, Float32Array>) {
    this.slots = slots;
    this.#all = all;
    this.#produced = produced;
  }

  get(key: string): Float32Array {
    const produced = this.#produced.get(key);
    if (produced !== undefined && this.slots === this.#all) return produced;
    const known = this.#own.get(key);
    if (known !== undefined) return known;
    const values = new Float32Array(this.slots.length).fill(Number.NaN);
    if (produced !== undefined) this.#gather(produced, values);
    this.#own.set(key, values);
    return values;
  }

  /** Some of these candidates, with their values. @param slots ascending. */
  narrow(slots: Uint32Array): CandidateSet {
    return slots === this.slots ? this : new CandidateSet(slots, this.#all, this.#produced);
  }

  /** The slots as a bitmap, bit i % 8 of byte i ÷ 8, lowest first; made once. */
  bitmap(slotCount: number): Uint8Array {
    if (this.#bitmap === undefined) {
      this.#bitmap = new Uint8Array((slotCount + 7) >>> 3);
      for (const slot of this.slots) this.#bitmap[slot >>> 3] |= 1 << (slot & 7);
    }
    return this.#bitmap;
  }

  /** Picks the values of these candidates from those of all; both are ascending. */
  #gather(produced: Float32Array, values: Float32Array): void {
    let position = 0;
    for (let i = 0; i < values.length; i++) {
      while (this.#all[position] < this.slots[i]) position++;
      values[i] = produced[position];
    }
  }
}

/** Where a slot is in a list of ascending ones; -1 = nowhere. */
export function positionOf(slots: Uint32Array, slot: number): number {
  let from = 0;
  let to = slots.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (slots[middle] < slot) from = middle + 1;
    else to = middle;
  }
  return slots[from] === slot ? from : -1;
}
