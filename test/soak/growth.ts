/** Part of a run, as fractions of it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What growth is counted from: warmed up, caches filled. */
export const earlySpan: Span = { from: 0.25, to: 0.35 };
/** What growth is counted to. */
export const lateSpan: Span = { from: 0.9, to: 1 };

/** One reading. */
export interface Reading {
  /** When, as a fraction of the run. */
  readonly at: number;
  readonly value: number;
}

/**
 * How much the readings grew from 25 % of a run to its end: median of its last tenth ÷ median of its tenth from 25 % on,
 * less 1. Medians, because both memory and descriptors jump about their level; a leak lifts the level.
 * @returns `NaN` where a span has no reading, or its median is 0.
 */
export function growthOf(readings: readonly Reading[]): number {
  const early = medianIn(readings, earlySpan);
  return early === 0 ? Number.NaN : medianIn(readings, lateSpan) / early - 1;
}

function medianIn(readings: readonly Reading[], { from, to }: Span): number {
  const values = readings.filter(({ at }) => at >= from && at <= to).map(({ value }) => value);
  return medianOf(values);
}

/** Middle value; the mean of the two middle ones where their count is even; `NaN` of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}
