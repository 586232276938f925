/** Candidates that are looked at: more are no list of names that people write, and each word is compared with all. */
const mostCandidates = 200;

/** The candidate that somebody who wrote `word` most likely meant; `undefined` where none is close. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(word).slice(0, 64);
  let best: string | undefined;
  let bestDistance = 1 + Math.max(1, Math.floor(wanted.length / 3));
  let looked = 0;
  for (const candidate of candidates) {
    if (++looked > mostCandidates) break;
    const distance = editDistance(wanted, fold(candidate), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean x?`, or nothing where nothing is close. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? "" : `did you mean ${candidate}?`;
}

/** Spellings that differ in case or in what joins words count as the same. */
function fold(text: string): string {
  return text.toLowerCase().replaceAll(/[-_\s]/g, "");
}

/** Insertions, deletions, substitutions and swaps of neighbours from a to b; `limit` when it takes that many or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substituted, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length]!, limit);
}
