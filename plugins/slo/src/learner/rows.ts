import type { Prediction } from "./latency-model.ts";
import { featureCount } from "./moments.ts";

/**
 * What is kept of one candidate of a call, in 32-bit floats: its slot, its features, and what was predicted of it: mean
 * and 90th percentile of the time to the answer, the same of the gap between tokens.
 */
export const row = {
  slot: 0,
  features: 1,
  answer: featureCount + 1,
  gap: featureCount + 3,
  size: featureCount + 5,
} as const;

/** Uncached prompt tokens of a candidate. */
export function promptOf(rows: Float32Array, at = 0): number {
  return rows[at + row.features + 1] * 1_000;
}

/** Where the row of a slot begins in `count` rows of ascending slots; -1 = nowhere. */
export function findRow(rows: Float32Array, count: number, slot: number): number {
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (rows[middle * row.size + row.slot] < slot) from = middle + 1;
    else to = middle;
  }
  return from < count && rows[from * row.size + row.slot] === slot ? from * row.size : -1;
}

/** Keeps a prediction in a row. */
export function writePrediction(rows: Float32Array, at: number, { mean, p90 }: Prediction): void {
  rows[at] = mean;
  rows[at + 1] = p90;
}

/** What was kept by {@link writePrediction}. */
export function readPrediction(rows: Float32Array, at: number): Prediction {
  return { mean: rows[at], p90: rows[at + 1] };
}
