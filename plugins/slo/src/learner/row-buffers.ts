/** Buffers that are kept for the next call, at most. */
const maxSpare = 64;

/** Lends arrays and takes them back, so that a call that keeps its candidates costs no memory of its own. */
export class RowBuffers {
  readonly #spare: Float32Array[] = [];

  /** An array of at least that length, with whatever was in it. */
  lend(length: number): Float32Array {
    const last = this.#spare.pop();
    return last !== undefined && last.length >= length ? last : new Float32Array(length);
  }

  /** Takes one back that nobody reads any more. */
  giveBack(rows: Float32Array): void {
    if (this.#spare.length < maxSpare) this.#spare.push(rows);
  }
}
