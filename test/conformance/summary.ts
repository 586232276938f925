import type { CaseResult } from "./verdict.ts";

/** Ids of the cases that did neither pass nor fail, by what their reason names. */
export interface Summary {
  /** By deviation, or under the case's own note. */
  readonly differs: Readonly<Record<string, readonly string[]>>;
  /** By feature. */
  readonly notApplicable: Readonly<Record<string, readonly string[]>>;
}

/** Sorts results so that a change of them shows in review. */
export function summarize(results: readonly CaseResult[]): Summary {
  return {
    differs: groupIds(results, "differs", " ("),
    notApplicable: groupIds(results, "not_applicable", ": "),
  };
}

/** A reason begins with the name of what it is about. */
function groupIds(results: readonly CaseResult[], status: CaseResult["status"], nameEnd: string) {
  const groups: Record<string, string[]> = {};
  for (const { id, reason } of results.filter((result) => result.status === status)) {
    const name = reason.split(nameEnd)[0] ?? "";
    groups[name] = [...(groups[name] ?? []), id];
  }
  return Object.fromEntries(Object.entries(groups).sort(([one], [other]) => (one < other ? -1 : 1)));
}
