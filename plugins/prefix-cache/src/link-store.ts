import { bytesOf, makeRoom } from "./chunks.ts";

/**
 * Records of links, a pair of words for each holder of a block, in the order of the holders. Records of one size stand
 * side by side without a hole, and have at most half as much room again as they need: 12 bytes a pair at most, and the
 * owner. A record is known by a reference that changes when it grows, shrinks or moves.
 */
export interface LinkStore {
  /** Place of the pair that was sought last, in its array. */
  readonly at: number;
  /** Memory of the records, in bytes. */
  readonly bytes: number;
  /** Array with the pair of a rank; {@link at} is its place there. */
  locate(reference: number, rank: number): Int32Array;
  /** Makes room for a pair at a rank in a record with `count` pairs, 0 = there is none. Returns its reference. */
  insert(owner: number, reference: number, count: number, rank: number): number;
  /** Takes a pair out of a record with `count` pairs; with the last one the record goes too. Returns its reference. */
  remove(reference: number, count: number, rank: number): number;
}

/** A reference is the size class above these bits, and the number of the record in it. */
const numberBits = 27;
const numberMask = 2 ** numberBits - 1;
/** Words of a chunk, about. */
const chunkBits = 14;

/** An empty store. @param moved told of a record that has another reference now. */
export function createLinkStore(moved: (owner: number, reference: number) => void): LinkStore {
  return new ClassedStore(moved);
}

/** Records of one size. */
class SizeClass {
  readonly words: number;
  readonly bits: number;
  readonly mask: number;
  readonly chunks: Int32Array[];
  count = 0;

  constructor(pairs: number) {
    this.words = 1 + 2 * pairs;
    this.bits = Math.max(0, chunkBits - Math.ceil(Math.log2(this.words)));
    this.mask = (1 << this.bits) - 1;
    this.chunks = [new Int32Array(this.words)];
  }
}

class ClassedStore implements LinkStore {
  at = 0;
  readonly #classes: SizeClass[] = [];
  readonly #moved: (owner: number, reference: number) => void;

  constructor(moved: (owner: number, reference: number) => void) {
    this.#moved = moved;
  }

  get bytes(): number {
    return this.#classes.reduce((sum, { chunks }) => sum + bytesOf(chunks), 0);
  }

  locate(reference: number, rank: number): Int32Array {
    const { words, bits, mask, chunks } = this.#classes[reference >>> numberBits];
    const number = reference & numberMask;
    this.at = (number & mask) * words + 1 + 2 * rank;
    return chunks[number >>> bits];
  }

  insert(owner: number, reference: number, count: number, rank: number): number {
    if (count === 0) return this.#take(0, owner);
    const size = reference >>> numberBits;
    const from = this.locate(reference, 0);
    const start = this.at;
    if (count < pairsOf(size)) {
      for (let word = 2 * count - 1; word >= 2 * rank; word--) from[start + word + 2] = from[start + word];
      return reference;
    }
    const grown = this.#take(size + 1, owner);
    const to = this.locate(grown, 0);
    copyWords(from, start, to, this.at, 2 * rank);
    copyWords(from, start + 2 * rank, to, this.at + 2 * rank + 2, 2 * (count - rank));
    this.#free(reference);
    return grown;
  }

  remove(reference: number, count: number, rank: number): number {
    if (count === 1) {
      this.#free(reference);
      return 0;
    }
    const size = reference >>> numberBits;
    const from = this.locate(reference, 0);
    const start = this.at;
    if (count - 1 > pairsOf(size - 1)) {
      for (let word = 2 * rank; word < 2 * count - 2; word++) from[start + word] = from[start + word + 2];
      return reference;
    }
    const shrunk = this.#take(size - 1, from[start - 1]);
    const to = this.locate(shrunk, 0);
    copyWords(from, start, to, this.at, 2 * rank);
    copyWords(from, start + 2 * rank + 2, to, this.at + 2 * rank, 2 * (count - rank - 1));
    this.#free(reference);
    return shrunk;
  }

  /** A record of a size class, with its owner's name. */
  #take(size: number, owner: number): number {
    while (this.#classes.length <= size) this.#classes.push(new SizeClass(pairsOf(this.#classes.length)));
    const { words, bits, mask, chunks } = this.#classes[size];
    const number = this.#classes[size].count++;
    makeRoom(chunks, number, bits, words);
    chunks[number >>> bits][(number & mask) * words] = owner;
    return (size << numberBits) | number;
  }

  /** Gives a record back: the last one of its size takes its place. */
  #free(reference: number): void {
    const size = this.#classes[reference >>> numberBits];
    const { words, bits, mask, chunks } = size;
    const number = reference & numberMask;
    const last = --size.count;
    if (number !== last) {
      const to = chunks[number >>> bits];
      const at = (number & mask) * words;
      copyWords(chunks[last >>> bits], (last & mask) * words, to, at, words);
      this.#moved(to[at], reference);
    }
    // One spare chunk stays, so that a store which breathes does not allocate.
    if (chunks.length > (last >>> bits) + 2) chunks.length--;
  }
}

/** Pairs for which a record of a size class has room: 1, 2, 3, 4, 6, 8, 12, 16, 24, … */
function pairsOf(size: number): number {
  if (size === 0) return 1;
  return (size & 1) === 1 ? 1 << ((size + 1) >> 1) : 3 << ((size >> 1) - 1);
}

function copyWords(from: Int32Array, start: number, to: Int32Array, at: number, count: number): void {
  for (let word = 0; word < count; word++) to[at + word] = from[start + word];
}
