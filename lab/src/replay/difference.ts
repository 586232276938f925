import type { Decision, FilterStep, ProducerOutcome, ProfileRun, ScorerOutcome } from "@outrider/protos/record";

/** Who brought a decision something else than it had. */
export type DifferenceSource =
  | "producer"
  | "refusal"
  | "profile"
  | "filter"
  | "scorer"
  | "total"
  | "picker"
  | "routing";

/** Where a decision that was made again first differs from what it was, in the order in which it was made. */
export interface Difference {
  readonly source: DifferenceSource;
  /** Name of the plugin or policy; empty where it is none's. */
  readonly name: string;
  /** What differs, for people. */
  readonly what: string;
}

/** Key of a column by its number. */
export type ColumnKeys = ReadonlyMap<number, string>;

/** A decision, and what its numbers stand for. */
export interface KeyedDecision {
  readonly decision: Decision;
  readonly keys: ColumnKeys;
}

/**
 * The first difference in what a decision was made of and came to, bit by bit; `undefined` = there is none. Times,
 * numbers of calls, reasons in words and shadow scorers are none of it.
 */
export function findDifference(then: KeyedDecision, now: KeyedDecision): Difference | undefined {
  return (
    findProducer(then, now) ??
    findRefusal(then.decision, now.decision) ??
    findProfile(then.decision.profiles, now.decision.profiles) ??
    findEnd(then.decision, now.decision)
  );
}

function findProducer(then: KeyedDecision, now: KeyedDecision): Difference | undefined {
  const [before, after] = [then.decision.producers, now.decision.producers];
  for (const [i, one] of before.entries()) {
    const other = after[i];
    const { name } = one;
    if (other?.name !== name) return { source: "producer", name, what: `asked ${other?.name ?? "nobody"} instead` };
    const what = isSameValues(one, then.keys, other, now.keys) ? "" : "other values";
    if (what !== "") return { source: "producer", name, what };
  }
  const further = after[before.length];
  return further && { source: "producer", name: further.name, what: "was not asked then" };
}

/** Whether a producer brought the same. */
export function isSameValues(
  one: ProducerOutcome,
  keysOfOne: ColumnKeys,
  other: ProducerOutcome,
  keysOfOther: ColumnKeys,
): boolean {
  if (one.kind !== other.kind || one.code !== other.code || one.values.length !== other.values.length) return false;
  return one.values.every(({ column, values, unknown }, i) => {
    const twin = other.values[i]!;
    if (keysOfOne.get(column) !== keysOfOther.get(twin.column)) return false;
    return isSame(values, twin.values) && isSame(unknown, twin.unknown);
  });
}

function findRefusal({ refused: then }: Decision, { refused: now }: Decision): Difference | undefined {
  const [before, after] = [then?.policy || then?.scorer || "", now?.policy || now?.scorer || ""];
  if (before === after) return undefined;
  return {
    source: "refusal",
    name: after || before,
    what: `refused by ${after || "nobody"}, then ${before || "nobody"}`,
  };
}

function findProfile(then: readonly ProfileRun[], now: readonly ProfileRun[]): Difference | undefined {
  for (const [i, one] of then.entries()) {
    const other = now[i];
    if (other?.name !== one.name) {
      return { source: "profile", name: one.name, what: `ran ${other?.name ?? "nothing"} instead` };
    }
    const found = findInProfile(one, other);
    if (found !== undefined) return found;
  }
  const further = now[then.length];
  return further && { source: "profile", name: further.name, what: "did not run then" };
}

function findInProfile(then: ProfileRun, now: ProfileRun): Difference | undefined {
  const { name } = then;
  return (
    findFilter(then.filters, now.filters) ??
    findScorer(then.scorers, now.scorers) ??
    (isSame(then.candidates, now.candidates) ? undefined : inProfile("profile", name, "other candidates")) ??
    (isSame(then.totals, now.totals) ? undefined : inProfile("total", "", `other totals in profile ${name}`)) ??
    (isSame(then.picked, now.picked) && then.vetoesIgnored === now.vetoesIgnored
      ? undefined
      : inProfile("picker", now.picker, `picked ${now.picked}, then ${then.picked}`))
  );
}

function inProfile(source: DifferenceSource, name: string, what: string): Difference {
  return { source, name, what };
}

function findFilter(then: readonly FilterStep[], now: readonly FilterStep[]): Difference | undefined {
  for (const [i, one] of then.entries()) {
    const other = now[i];
    const isAlike = other?.name === one.name && other.outcome === one.outcome && isSame(one.kept, other.kept);
    if (!isAlike)
      return { source: "filter", name: one.name, what: `kept ${other?.kept ?? "nothing"}, then ${one.kept}` };
  }
  const further = now[then.length];
  return further && { source: "filter", name: further.name, what: "was not asked then" };
}

function findScorer(then: readonly ScorerOutcome[], now: readonly ScorerOutcome[]): Difference | undefined {
  for (const [i, one] of then.entries()) {
    const other = now[i];
    const { name } = one;
    if (other?.name !== name) return { source: "scorer", name, what: `asked ${other?.name ?? "nobody"} instead` };
    if (!isSameAnswer(one, other)) return { source: "scorer", name, what: toAnswers(one, other) };
    if (one.weight !== other.weight)
      return { source: "scorer", name, what: `weight ${other.weight}, then ${one.weight}` };
  }
  const further = now[then.length];
  return further && { source: "scorer", name: further.name, what: "was not asked then" };
}

/** Whether a scorer brought the same, whatever its weight. */
export function isSameAnswer(one: ScorerOutcome, other: ScorerOutcome): boolean {
  return (
    one.kind === other.kind &&
    one.code === other.code &&
    one.clamped === other.clamped &&
    one.fallback === other.fallback &&
    isSame(one.scores, other.scores) &&
    isSame(one.abstain, other.abstain) &&
    isSame(one.veto, other.veto)
  );
}

function toAnswers(then: ScorerOutcome, now: ScorerOutcome): string {
  const at = now.scores.findIndex((score, i) => !Object.is(score, then.scores[i]));
  return at < 0 ? "another answer" : `${now.scores[at]} for its candidate ${at}, then ${then.scores[at] ?? "nothing"}`;
}

function findEnd(then: Decision, now: Decision): Difference | undefined {
  if (then.primary !== now.primary) {
    return {
      source: "profile",
      name: now.primary,
      what: `primary ${now.primary || "none"}, then ${then.primary || "none"}`,
    };
  }
  if (!isSame(then.destination, now.destination)) {
    return { source: "picker", name: "", what: `destination ${now.destination}, then ${then.destination}` };
  }
  const [before, after] = [toText(then), toText(now)];
  return before === after
    ? undefined
    : { source: "routing", name: "", what: `${after || "nothing"}, then ${before || "nothing"}` };
}

function toText({ routing }: Decision): string {
  if (routing === undefined) return "";
  return [...routing.headers.map(({ name, value }) => `${name}: ${value}`), `port ${routing.port}`].join(", ");
}

function isSame(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (!Object.is(one[i], other[i])) return false;
  return true;
}
