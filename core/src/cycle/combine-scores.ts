import { newDoubles } from "./slab.ts";

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
  const totals = newDoubles(candidateCount);
  let fullWeight = 0;
  let answeredWeight = 0;
  for (const { weight, scores } of ratings) {
    fullWeight += weight;
    if (scores.length === 0) continue;
    answeredWeight += weight;
    for (let i = 0; i < candidateCount; i++) totals[i] += weight * scores[i];
  }
  for (let i = 0; i < candidateCount; i++) {
    const total = totals[i];
    if (Number.isNaN(total)) totals[i] = combineOne(ratings, i, fullWeight);
    else if (answeredWeight !== fullWeight && answeredWeight > 0) totals[i] = (fullWeight * total) / answeredWeight;
  }
  return totals;
}

/** Total of a candidate that someone who answered has no opinion on. */
function combineOne(ratings: readonly Rating[], i: number, fullWeight: number): number {
  let sum = 0;
  let raterWeight = 0;
  for (const { weight, scores } of ratings) {
    if (scores.length === 0 || Number.isNaN(scores[i])) continue;
    raterWeight += weight;
    sum += weight * scores[i];
  }
  return raterWeight === 0 ? 0 : (fullWeight * sum) / raterWeight;
}
