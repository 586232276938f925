/**
 * Makes room for one more item in an array that is kept in chunks of 2^`bits` items, so that growing copies little and
 * leaves little unused: the first chunk doubles until it is whole, then whole ones are added.
 */
export function makeRoom(chunks: Int32Array[], item: number, bits: number, itemWords: number): void {
  const number = item >>> bits;
  if (number > 0) {
    chunks[number] ??= new Int32Array(itemWords << bits);
    return;
  }
  const first = chunks[0];
  if (item * itemWords < first.length) return;
  chunks[0] = new Int32Array(Math.min(2 * first.length, itemWords << bits));
  chunks[0].set(first);
}

/** Memory of chunks, in bytes. */
export function bytesOf(chunks: readonly Int32Array[]): number {
  return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Bits that are set in a word. */
export function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const nibbles = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
