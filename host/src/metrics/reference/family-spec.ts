/** A name that a family had before, with as many of its labels as it had then. */
export interface AliasSpec {
  /** Whole name. */
  readonly name: string;
  /** Its labels by name, each with the family's label that it takes its value from. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A family of metrics under the reference EPP's name. */
export interface FamilySpec {
  /** Name without {@link prefix}. */
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  /** Names of its labels; a series gives their values in this order. */
  readonly labels: readonly string[];
  /** What it tells, where it departs from the reference EPP included. */
  readonly about: string;
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly bounds?: Float64Array;
  /** Older names; each tells the same, summed up over the labels that it lacks. */
  readonly aliases: readonly AliasSpec[];
}

/** Begins the name of every family. */
export const prefix = "llm_d_epp_";

/** An older name whose labels had the names that they have now. */
export function alias(name: string, labels: readonly string[]): AliasSpec {
  return { name, labels: Object.fromEntries(labels.map((label) => [label, label])) };
}
