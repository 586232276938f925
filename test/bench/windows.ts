/** A server that is measured, a process of its own. */
export interface Measured {
  /** Its row in the table. */
  readonly row: string;
  readonly pid: number;
  /** Stops all its processes, so that they cost nothing while another one is measured. */
  pause(): void;
  /** Has them go on, and waits until they have found their way back. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Measures windows of all in turn, so that a slow minute of the machine meets all of them; what is not measured is
 * paused. Of each, one window more than asked for is run: the first warms up, and is not in the result.
 */
export async function measureInTurn<S extends Measured, W>(
  all: readonly S[],
  windows: number,
  measure: (one: S, isWarmUp: boolean) => Promise<W>,
): Promise<ReadonlyMap<S, readonly W[]>> {
  const results = new Map<S, W[]>(all.map((one) => [one, []]));
  for (const one of all) one.pause();
  for (let i = 0; i <= windows; i++) {
    for (const one of all) {
      process.stderr.write(`\r\u001b[Kwindow ${i} of ${windows}: ${one.row}`);
      await one.resume();
      const window = await measure(one, i === 0);
      one.pause();
      if (i > 0) results.get(one)?.push(window);
    }
  }
  process.stderr.write("\r\u001b[K");
  return results;
}

/** Stops all, whatever became of the measurement. */
export async function withAll<S extends Measured, R>(
  start: readonly (() => Promise<S>)[],
  use: (all: readonly S[]) => Promise<R>,
): Promise<R> {
  const all: S[] = [];
  try {
    for (const one of start) all.push(await one());
    return await use(all);
  } finally {
    await Promise.all(all.map((one) => one.stop()));
  }
}

/** The upper one of the middle values; `NaN` of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Lowest and highest, as a table shows how much windows differ. */
export function spread(values: readonly number[]): string {
  return `${format(Math.min(...values))}–${format(Math.max(...values))}`;
}

/** Three digits, or all there are before the point. */
export function format(value: number): string {
  if (Number.isNaN(value)) return "–";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
