/** A 64-bit hash in two words. */
export interface Hash64 {
  /** Low 32 bits, not negative. */
  readonly low: number;
  /** High 32 bits, not negative. */
  readonly high: number;
}

/** Odd constants of xxHash and MurmurHash, each a bijection as a factor. */
const P1 = 0x9e3779b1 | 0;
const P2 = 0x85ebca77 | 0;
const P3 = 0xc2b2ae3d | 0;
const P4 = 0x27d4eb2f | 0;

/**
 * Hashes of the full blocks of some bytes, two words each, low word first. The hash of a block covers the blocks before
 * it and the seed: equal hashes mean equal prefixes, but for chance (2⁻⁶⁴ a pair).
 *
 * A block is read as 32-bit little-endian words x₀ y₀ x₁ y₁ …, a missing last y being 0. With (low, high) the hash of
 * the block before, at first the seed, and all arithmetic modulo 2³²:
 *
 *     a = low ^ P1, b = high ^ P2
 *     for each pair:  t = rotl(a ^ x·P1, 15) + b;  a = rotl((b ^ y·P2)·P3, 13);  b = t·P4
 *     low = mix(a), high = mix(b);  low += high;  high += low
 *
 * where mix is MurmurHash3's 32-bit finaliser. Each step is a bijection of the state, and of the pair it takes in, so
 * that blocks which differ in one pair never collide.
 * @param blockBytes length of a block, a multiple of 4 above 0; bytes behind the last full block are not read.
 * @param maxBlocks most blocks hashed; default all.
 */
export function hashBlocks(
  bytes: Uint8Array,
  blockBytes: number,
  seed: Hash64,
  maxBlocks: number = Number.POSITIVE_INFINITY,
): Uint32Array {
  if (!(blockBytes > 0 && blockBytes % 4 === 0)) throw new RangeError(`a block cannot have ${blockBytes} bytes`);
  const blocks = Math.min(Math.floor(bytes.length / blockBytes), maxBlocks);
  return hashWords(toWords(bytes, (blocks * blockBytes) / 4), blocks, blockBytes / 4, seed);
}

/** Hash of any bytes: of one block, of these and zeros up to a multiple of 8, with their count as seed. */
export function hashBytes(bytes: Uint8Array): Hash64 {
  const words = 2 * Math.max(1, Math.ceil(bytes.length / 8));
  const padded = new Uint8Array(4 * words);
  padded.set(bytes);
  const [low, high] = hashWords(toWords(padded, words), 1, words, { low: bytes.length >>> 0, high: 0 });
  return { low, high };
}

/**
 * Seed of a prompt's block hashes: prompts share blocks only for the same model, adapter and cache salt. Hash of their
 * UTF-8 text with a zero byte between them.
 */
export function prefixSeed(model: string, adapter: string, cacheSalt: string): Hash64 {
  return hashBytes(Buffer.from(`${model}\0${adapter}\0${cacheSalt}`));
}

function hashWords(words: Int32Array, blocks: number, blockWords: number, seed: Hash64): Uint32Array {
  const hashes = new Uint32Array(2 * blocks);
  let { low, high } = seed;
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    let a = low ^ P1;
    let b = high ^ P2;
    const lastPair = at + blockWords - 1;
    for (; at < lastPair; at += 2) {
      const mixed = a ^ Math.imul(words[at], P1);
      const t = ((mixed << 15) | (mixed >>> 17)) + b;
      const product = Math.imul(b ^ Math.imul(words[at + 1], P2), P3);
      a = (product << 13) | (product >>> 19);
      b = Math.imul(t, P4);
    }
    if (at === lastPair) {
      const mixed = a ^ Math.imul(words[at++], P1);
      const t = ((mixed << 15) | (mixed >>> 17)) + b;
      const product = Math.imul(b, P3);
      a = (product << 13) | (product >>> 19);
      b = Math.imul(t, P4);
    }
    high = mix(b);
    low = (mix(a) + high) | 0;
    high = (high + low) | 0;
    hashes[2 * block] = low;
    hashes[2 * block + 1] = high;
  }
  return hashes;
}

function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The first words of some bytes: a view where they lie right for one, else a copy. */
function toWords(bytes: Uint8Array, count: number): Int32Array {
  if (isLittleEndian && bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  const copy = new Uint8Array(bytes.subarray(0, 4 * count));
  if (!isLittleEndian) Buffer.from(copy.buffer).swap32();
  return new Int32Array(copy.buffer);
}
