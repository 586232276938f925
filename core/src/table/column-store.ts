import { columnKeys } from "../contract/index.ts";

/** Keys of the columns every table has, in their order: what model servers are scraped for. */
export const scrapedKeys: readonly string[] = Object.entries(columnKeys)
  .filter(([, { source }]) => source === "scraped")
  .map(([key]) => key);

/** Measured values while they change: a column of values and one of their times a key, indexed by slot. */
export class ColumnStore {
  readonly #keys: string[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #values: Float32Array[] = [];
  readonly #times: Float64Array[] = [];
  #capacity = 16;

  constructor(extraKeys: readonly string[], limit: number) {
    for (const key of [...scrapedKeys, ...extraKeys]) this.add(key, limit);
  }

  /** Keys in the order of their columns. */
  get keys(): readonly string[] {
    return this.#keys;
  }

  /** Number of a key's column; -1 where it has none. */
  indexOf(key: string): number {
    return this.#indexes.get(key) ?? -1;
  }

  /** Number of a key's column, made where it has none. */
  add(key: string, limit: number): number {
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    if (this.#keys.length >= limit) throw new RangeError(`no column left for ${key}: a table has at most ${limit}`);
    this.#indexes.set(key, this.#keys.length);
    this.#values.push(new Float32Array(this.#capacity).fill(Number.NaN));
    this.#times.push(new Float64Array(this.#capacity));
    return this.#keys.push(key) - 1;
  }

  /** Makes room for `count` slots. */
  reserve(count: number): void {
    if (count <= this.#capacity) return;
    while (this.#capacity < count) this.#capacity *= 2;
    for (let column = 0; column < this.#keys.length; column++) {
      this.#values[column] = enlarge(new Float32Array(this.#capacity).fill(Number.NaN), this.#values[column]);
      this.#times[column] = enlarge(new Float64Array(this.#capacity), this.#times[column]);
    }
  }

  /** Sets a value measured at a whole ms; `NaN` makes it unknown. True if that changes anything. */
  set(column: number, slot: number, value: number, atMs: number): boolean {
    const values = this.#values[column];
    const times = this.#times[column];
    const time = Number.isNaN(value) ? 0 : atMs;
    if (times[slot] === time && Object.is(values[slot], Math.fround(value))) return false;
    values[slot] = value;
    times[slot] = time;
    return true;
  }

  /** Makes all values of a slot unknown. True if that changes anything. */
  clear(slot: number): boolean {
    let changed = false;
    for (let column = 0; column < this.#keys.length; column++) {
      if (this.set(column, slot, Number.NaN, 0)) changed = true;
    }
    return changed;
  }

  /** Copies a column's values and times of the first slots, as many as the targets are long. */
  copy(column: number, values: Float32Array, times: Float64Array): void {
    values.set(this.#values[column].subarray(0, values.length));
    times.set(this.#times[column].subarray(0, times.length));
  }
}

function enlarge<A extends Float32Array | Float64Array>(target: A, source: A): A {
  target.set(source);
  return target;
}
