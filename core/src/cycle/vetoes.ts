import type { Picker, PickInput, ProfileRecord, ScorerOutcome } from "./types.ts";

/** Has a picker choose from the candidates that nobody vetoed; from all where that leaves none. */
export function pickUnvetoed(
  picker: Picker,
  outcomes: readonly ScorerOutcome[],
  input: PickInput,
): Pick<ProfileRecord, "picked" | "vetoes"> {
  const vetoed = unite(outcomes);
  if (vetoed === undefined) return { picked: picker.pick(input), vetoes: "none" };
  const { candidates, totals } = input;
  if (vetoed.size === candidates.length) return { picked: picker.pick(input), vetoes: "ignored" };
  const isLeft = (_: number, i: number) => !vetoed.has(i);
  const left = { ...input, candidates: candidates.filter(isLeft), totals: totals.filter(isLeft) };
  return { picked: picker.pick(left), vetoes: "applied" };
}

/** Positions of the candidates that a profile left out because a scorer vetoed them. */
export function vetoedOf({ vetoes, scorers }: ProfileRecord): ReadonlySet<number> {
  return (vetoes === "applied" ? unite(scorers) : undefined) ?? noPositions;
}

const noPositions: ReadonlySet<number> = new Set();

function unite(outcomes: readonly ScorerOutcome[]): ReadonlySet<number> | undefined {
  let union: Set<number> | undefined;
  for (const { vetoed } of outcomes) {
    if (vetoed.length === 0) continue;
    union ??= new Set();
    for (const position of vetoed) union.add(position);
  }
  return union;
}
