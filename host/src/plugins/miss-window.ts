/** Length of a bucket. */
const bucketMs = 500;

/**
 * Which share of the calls of the last seconds was not answered within their budget. A call counts as missed until it is
 * settled, so one that is never answered does too. Counting allocates nothing.
 */
export class MissWindow {
  readonly #windowMs: number;
  readonly #graceMs: number;
  readonly #put: Uint32Array;
  readonly #settled: Uint32Array;
  /** Bucket that each slot of the ring holds, counted from time 0. */
  readonly #bucket: Float64Array;

  /** @param graceMs longest budget of a call: younger calls say nothing yet. */
  constructor(windowMs: number, graceMs: number) {
    this.#windowMs = windowMs;
    this.#graceMs = graceMs;
    const length = Math.ceil((windowMs + graceMs) / bucketMs) + 2;
    this.#put = new Uint32Array(length);
    this.#settled = new Uint32Array(length);
    this.#bucket = new Float64Array(length).fill(-1);
  }

  /** A call was put; true where it is the first of its bucket: time to look. */
  put(nowMs: number): boolean {
    const bucket = Math.floor(nowMs / bucketMs);
    const slot = bucket % this.#put.length;
    const isNew = this.#bucket[slot] !== bucket;
    if (isNew) {
      this.#bucket[slot] = bucket;
      this.#put[slot] = 0;
      this.#settled[slot] = 0;
    }
    this.#put[slot]! += 1;
    return isNew;
  }

  /** The call that was put then has not missed its budget. */
  settled(putAtMs: number): void {
    const bucket = Math.floor(putAtMs / bucketMs);
    const slot = bucket % this.#put.length;
    if (this.#bucket[slot] === bucket) this.#settled[slot]! += 1;
  }

  /**
   * Share of missed calls, in [0, 1]; 0 where fewer than `minCalls` are old enough, or all are younger than `minSpanMs`: a
   * moment without the processor says nothing.
   */
  missShare(nowMs: number, minCalls: number, minSpanMs: number): number {
    let put = 0;
    let settled = 0;
    let spanMs = 0;
    for (let slot = 0; slot < this.#put.length; slot += 1) {
      const ageMs = nowMs - (this.#bucket[slot]! + 1) * bucketMs;
      if (this.#bucket[slot]! < 0 || ageMs < this.#graceMs || ageMs >= this.#graceMs + this.#windowMs) continue;
      spanMs = Math.max(spanMs, ageMs - this.#graceMs + bucketMs);
      put += this.#put[slot]!;
      settled += this.#settled[slot]!;
    }
    return put < minCalls || spanMs < minSpanMs ? 0 : (put - settled) / put;
  }

  clear(): void {
    this.#bucket.fill(-1);
  }
}
