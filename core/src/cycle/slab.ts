const SLAB_BYTES = 1 << 16;

let buffer = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/**
 * Zeroed 32-bit floats. Arrays of one decision and the next are cut from one buffer, since to allocate a buffer costs
 * twenty times as much as a view; none is given out twice, and the last array that lives keeps its buffer.
 */
export function newFloats(length: number): Float32Array {
  const start = reserve(length * Float32Array.BYTES_PER_ELEMENT);
  return new Float32Array(buffer, start, length);
}

/** Zeroed 64-bit floats, as {@link newFloats}. */
export function newDoubles(length: number): Float64Array {
  const start = reserve(length * Float64Array.BYTES_PER_ELEMENT);
  return new Float64Array(buffer, start, length);
}

/** Start of so many bytes in {@link buffer}, which is another one when they do not fit in the last. */
function reserve(bytes: number): number {
  const padded = (bytes + 7) & ~7;
  if (used + padded > buffer.byteLength) {
    buffer = new ArrayBuffer(Math.max(SLAB_BYTES, padded));
    used = 0;
  }
  const start = used;
  used += padded;
  return start;
}
