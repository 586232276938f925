/** Bits that are set in each value of a byte. */
const bitsOfByte = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});

/** Numbers as a bitmap: bit i % 8 of byte i ÷ 8, lowest first; no longer than the largest needs. */
export function toBitmap(ascending: ArrayLike<number>): Uint8Array {
  const last = ascending.length === 0 ? -1 : ascending[ascending.length - 1]!;
  const bitmap = new Uint8Array((last + 8) >> 3);
  for (let i = 0; i < ascending.length; i += 1) setBit(bitmap, ascending[i]!);
  return bitmap;
}

/** Numbers of a bitmap, ascending. */
export function fromBitmap(bitmap: Uint8Array): Uint32Array<ArrayBuffer> {
  const numbers = new Uint32Array(countBits(bitmap));
  for (let byte = 0, next = 0; byte < bitmap.length; byte += 1) {
    for (let bits = bitmap[byte]!, n = 8 * byte; bits > 0; bits >>= 1, n += 1) {
      if ((bits & 1) === 1) numbers[next++] = n;
    }
  }
  return numbers;
}

/** Bits that are set. */
export function countBits(bitmap: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bitmap.length; i += 1) count += bitsOfByte[bitmap[i]!]!;
  return count;
}

/** Whether bit `n` is set; false beyond the end. */
export function hasBit(bitmap: Uint8Array, n: number): boolean {
  return ((bitmap[n >> 3] ?? 0) >> (n & 7)) % 2 === 1;
}

/** Sets bit `n`, which must lie inside the bitmap. */
export function setBit(bitmap: Uint8Array, n: number): void {
  bitmap[n >> 3]! |= 1 << (n & 7);
}
