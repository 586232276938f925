/** One scorer's part in the totals. */
export interface Rating {
  /** Share of the scorer, > 0. */
  readonly weight: number;
  /** One score per candidate in [0, 1], `NaN` = no opinion; empty where the scorer brought none. */
  readonly scores: Float32Array;
}

/**
 * Total per candidate: the weighted sum of those who rated it, scaled as if all had, so that totals keep their meaning
 * when a scorer is missing; exactly the weighted sum where all did. All 0, a tie for the picker, where nobody did.
 */
export function combineScores(ratings: readonly Rating[], candidateCount: number): Float64Array {
  const totals = new Float64Array(candidateCount);
  let fullWeight = 0;
  for (const { weight } of ratings) fullWeight += weight;
  const answered = ratings.filter(({ scores }) => scores.length > 0);
  for (let i = 0; i < candidateCount; i++) {
    let weight = 0;
    let sum = 0;
    for (let r = 0; r < answered.length; r++) {
      const rating = answered[r];
      const score = rating.scores[i];
      if (Number.isNaN(score)) continue;
      weight += rating.weight;
      sum += rating.weight * score;
    }
    if (weight > 0) totals[i] = weight === fullWeight ? sum : (fullWeight * sum) / weight;
  }
  return totals;
}
