/** Ratio of a bucket's upper to its lower bound, less 1: its middle is within half of it of all that it holds. */
const growth = 0.004;
/** Values below are counted as 0, in the unit recorded: a microsecond where that is ms. */
const smallest = 1e-3;
/** Values above are told apart no more, in the unit recorded: 11 days where that is ms. */
const largest = 1e9;
const logGrowth = Math.log1p(growth);

/** How far a quantile may be off, as a share of it. */
export const quantileError = growth / 2;

const bucketCount = Math.ceil(Math.log(largest / smallest) / logGrowth) + 1;

/** How many of what size, in memory that does not grow with the count. */
export interface Histogram {
  /**
   * Counts a value. What is not finite is left out, what is below 0 counts as 0.
   * @param weight how often it counts, a whole number; default 1.
   */
  record(value: number, weight?: number): void;
  /** Values counted, by weight. */
  readonly count: number;
  /** Exact sum of what was counted; what is below 0 is 0. */
  readonly sum: number;
  /** Exact mean; `NaN` = nothing was counted. */
  readonly mean: number;
  /** Exact; `NaN` = nothing was counted. */
  readonly min: number;
  /** Exact; `NaN` = nothing was counted. */
  readonly max: number;
  /**
   * The value that a share `q` of what was counted does not exceed, within {@link quantileError}; exact for 0 and 1.
   * @returns `NaN` where nothing was counted.
   */
  quantile(q: number): number;
}

/** An empty histogram with log-spaced buckets; about 55 kB. */
export function createHistogram(): Histogram {
  const counts = new Float64Array(bucketCount);
  let zeros = 0;
  let count = 0;
  let sum = 0;
  let lost = 0;
  let min = Number.NaN;
  let max = Number.NaN;

  /** Neumaier's sum: what rounding loses is kept beside it. */
  const add = (value: number) => {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  };

  const histogram: Histogram = {
    record(raw, weight = 1) {
      if (!Number.isFinite(raw) || weight === 0) return;
      const value = Math.max(0, raw);
      if (count === 0 || value < min) min = value;
      if (count === 0 || value > max) max = value;
      count += weight;
      add(value * weight);
      if (value < smallest) zeros += weight;
      else counts[bucketOf(value)] = (counts[bucketOf(value)] ?? 0) + weight;
    },
    get count() {
      return count;
    },
    get sum() {
      return sum + lost;
    },
    get mean() {
      return count === 0 ? Number.NaN : Math.min(max, Math.max(min, (sum + lost) / count));
    },
    get min() {
      return min;
    },
    get max() {
      return max;
    },
    quantile(q) {
      if (count === 0) return Number.NaN;
      if (q <= 0) return min;
      if (q >= 1) return max;
      const rank = Math.max(1, Math.ceil(q * count));
      let below = zeros;
      if (below >= rank) return Math.min(max, Math.max(min, 0));
      for (let i = 0; i < bucketCount; i++) {
        below += counts[i] ?? 0;
        if (below >= rank) return Math.min(max, Math.max(min, middleOf(i)));
      }
      return max;
    },
  };
  return histogram;
}

function bucketOf(value: number): number {
  return Math.min(bucketCount - 1, Math.max(0, Math.floor(Math.log(value / smallest) / logGrowth)));
}

function middleOf(bucket: number): number {
  return smallest * Math.exp(bucket * logGrowth) * (1 + growth / 2);
}
