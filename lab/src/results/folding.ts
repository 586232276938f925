/** First width of a slot, in ms. */
const defaultIntervalMs = 125;

/** Columns of numbers over time in a bounded number of slots, whose width doubles when time runs past the last. */
export interface Folding {
  /** Width of a slot now, in ms: the first one times a power of two. */
  readonly intervalMs: number;
  /** Slots from 0 to the last that holds something. */
  readonly used: number;
  /** Adds to a column in the slot of a time. */
  add(column: number, atMs: number, value: number): void;
  /** Raises a column in the slot of a time to a value, if it is below. */
  raise(column: number, atMs: number, value: number): void;
  /** What a column holds in a slot; 0 = nothing. */
  at(column: number, slot: number): number;
}

/**
 * @param kinds how each column folds two slots into one: by their sum, or by the larger.
 * @param slots how many slots there are at most; even.
 * @param firstIntervalMs width of a slot at first.
 */
export function createFolding(
  kinds: readonly ("sum" | "max")[],
  slots: number,
  firstIntervalMs = defaultIntervalMs,
): Folding {
  const columns = kinds.map(() => new Float64Array(slots));
  let intervalMs = firstIntervalMs;
  let used = 0;

  const slotOf = (atMs: number) => {
    const time = Math.max(0, atMs);
    while (time / intervalMs >= slots) {
      for (const [i, column] of columns.entries()) fold(column, kinds[i] === "max");
      intervalMs *= 2;
      used = Math.ceil(used / 2);
    }
    const slot = Math.floor(time / intervalMs);
    used = Math.max(used, slot + 1);
    return slot;
  };

  return {
    get intervalMs() {
      return intervalMs;
    },
    get used() {
      return used;
    },
    add(column, atMs, value) {
      if (!Number.isFinite(atMs) || !Number.isFinite(value)) return;
      const slot = slotOf(atMs);
      columns[column]![slot]! += value;
    },
    raise(column, atMs, value) {
      if (!Number.isFinite(atMs) || !Number.isFinite(value)) return;
      const slot = slotOf(atMs);
      columns[column]![slot] = Math.max(columns[column]![slot]!, value);
    },
    at: (column, slot) => columns[column]?.[slot] ?? 0,
  };
}

function fold(column: Float64Array, byMax: boolean): void {
  const half = column.length / 2;
  for (let i = 0; i < half; i++) {
    const [first, second] = [column[2 * i]!, column[2 * i + 1]!];
    column[i] = byMax ? Math.max(first, second) : first + second;
  }
  column.fill(0, half);
}
