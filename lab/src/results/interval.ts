/** A mean of independent runs and how sure it is. */
export interface MeanInterval {
  readonly mean: number;
  /** Lower end of the 95 % confidence interval; `null` = there is none: one run, or all runs alike. */
  readonly low: number | null;
  /** Upper end. */
  readonly high: number | null;
  /** Runs. */
  readonly count: number;
  /** Whether all runs gave the same number: then they say nothing of how it varies. */
  readonly alike: boolean;
}

/** 97.5 % points of Student's t for 1 to 30 degrees of freedom. Source: standard tables. */
const studentT = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448, 2.1314,
  2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
];

/**
 * Mean and its 95 % confidence interval by Student's t, which takes the mean of the runs to be normally distributed.
 * @returns `null` of no numbers.
 */
export function toMeanInterval(values: readonly number[]): MeanInterval | null {
  const count = values.length;
  const [first] = values;
  if (first === undefined) return null;
  const alike = values.every((value) => value === first);
  if (alike) return { mean: first, low: null, high: null, count, alike };
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = tPoint(count - 1) * Math.sqrt(squares / (count - 1) / count);
  return { mean, low: mean - half, high: mean + half, count, alike };
}

/** 97.5 % point of Student's t; beyond the table by Cornish and Fisher's expansion, within 0.0001. */
export function tPoint(freedom: number): number {
  const known = studentT[freedom - 1];
  if (known !== undefined) return known;
  const z = 1.959964;
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
}
