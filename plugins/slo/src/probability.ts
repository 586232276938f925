/** 90th percentile of the standard normal distribution. */
const z90 = 1.2815515655446004;

/** Least spread of a prediction, as the σ of its logarithm: nothing is known to better than some percent. */
const leastSigma = 0.05;

/**
 * Chance that a duration is at most `limitMs`, it being log-normal with this mean and 90th percentile; a 90th percentile
 * that no log-normal of this mean has counts as the nearest that one has.
 * @returns `NaN` where mean or percentile is no duration.
 */
export function chanceWithin(limitMs: number, meanMs: number, p90Ms: number): number {
  if (!(meanMs > 0 && p90Ms > 0)) return Number.NaN;
  // With σ the mean is exp(μ + σ² ÷ 2) and the percentile exp(μ + z90 · σ): a quadratic in σ.
  const ratio = Math.log(p90Ms / meanMs);
  const sigma = Math.max(leastSigma, z90 - Math.sqrt(Math.max(0, z90 * z90 - 2 * ratio)));
  return normalShare((Math.log(limitMs / meanMs) + (sigma * sigma) / 2) / sigma);
}

/** Beyond that a share is 0 or 1 in 32 bits. */
const certain = 6;

/** Share of the standard normal distribution below z, to 1e-7 (Abramowitz and Stegun 26.2.17). */
function normalShare(z: number): number {
  if (z > certain) return 1;
  if (z < -certain) return 0;
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = 0.3989422804014327 * Math.exp((-z * z) / 2) * series;
  return z > 0 ? 1 - tail : tail;
}
