/**
 * Turns costs into scores: `least ÷ cost`, so that the cheapest candidate scores 1 and the order of the others stays.
 * @param scores costs, ≥ 0, `NaN` where one is unknown.
 * @returns how many are known.
 */
export function preferLeast(scores: Float32Array): number {
  let least = Infinity;
  let known = 0;
  for (const cost of scores) {
    if (Number.isNaN(cost)) continue;
    known += 1;
    if (cost < least) least = cost;
  }
  for (let i = 0; i < scores.length; i++) {
    const cost = scores[i];
    scores[i] = cost === least ? 1 : least / cost;
  }
  return known;
}
