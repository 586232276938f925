import { type DeviationName, deviations } from "./deviations.ts";
import { type FeatureName, features } from "./features.ts";

/** How a case ended: `differs` on purpose, `not_applicable` where it asks for what is not built or cannot be asked here. */
export type Status = "pass" | "fail" | "differs" | "not_applicable";

/** What an adapter says of one case. */
export interface Verdict {
  readonly status: Status;
  /** One line; empty for most that pass. */
  readonly reason: string;
}

/** What the runner prints of one case. */
export interface CaseResult extends Verdict {
  /** The case's id; `case N` where it has none. */
  readonly id: string;
}

/** @param note what a reader should know all the same, such as replies nobody listed. */
export function pass(note = ""): Verdict {
  return { status: "pass", reason: note };
}

export function fail(reason: string): Verdict {
  return { status: "fail", reason };
}

/** @param detail what was wanted and what was observed. */
export function differs(name: DeviationName, detail: string): Verdict {
  return { status: "differs", reason: `${name} (${deviations[name]}): ${detail}` };
}

/** The case's own note says why the row is not to be followed. */
export function differsByNote(notes: string, detail: string): Verdict {
  return { status: "differs", reason: `the case's note (${notes}): ${detail}` };
}

/** @param detail the type, field or sentence that is not there. */
export function notApplicable(feature: FeatureName, detail: string = features[feature]): Verdict {
  return { status: "not_applicable", reason: `${feature}: ${detail}` };
}

/** Thrown by whoever reads a case and finds what it does not understand; the runner turns it into a verdict. */
export class NotApplicable extends Error {
  readonly verdict: Verdict;

  constructor(feature: FeatureName, detail?: string) {
    const verdict = notApplicable(feature, detail);
    super(verdict.reason);
    this.name = "NotApplicable";
    this.verdict = verdict;
  }
}

/** The fault of a comparison, as a verdict: none is a pass. */
export function fromFault(fault: string | undefined): Verdict {
  return fault === undefined ? pass() : fail(fault);
}
