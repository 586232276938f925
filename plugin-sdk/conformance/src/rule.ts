import type { Kit } from "./kit/kit.ts";

/** How much of the contract a plugin serves, from little to all of it. */
export const levels = ["basic", "replicated", "session", "push"] as const;

/** One of {@link levels}. */
export type Level = (typeof levels)[number];

/** One duty of a plugin. */
export interface Rule {
  /** `C` and a number; never reused. */
  readonly id: string;
  /** What the plugin does, as a sentence. */
  readonly title: string;
  /** Levels that have the duty. */
  readonly levels: readonly Level[];
  /** What the kit does to find out. */
  readonly checks: string;
  /** Part of the contract that says so. */
  readonly source: string;
  /** What an author does about it. */
  readonly remedy: string;
  /** Rules without which this one means nothing: where one of them failed it is skipped. */
  readonly after: readonly string[];
  /** Looks back on the run, or ends processes: runs behind all others. */
  readonly isLast?: boolean;
  /**
   * Returns where the duty is kept.
   * @throws {RuleFailure} where it is not.
   * @throws {NotApplicable} where this plugin does not have it.
   */
  check(kit: Kit): Promise<void>;
}

/** What shows that a rule was broken. */
export interface Finding {
  /** What the rule asks for. */
  readonly expected: string;
  /** What was seen instead. */
  readonly came: string;
  /** Message that broke the rule, as text; empty where it was none. */
  readonly frame: string;
}

/** A rule was broken. */
export class RuleFailure extends Error {
  readonly finding: Finding;

  constructor(expected: string, came: string, frame = "") {
    super(`expected ${expected}, came ${came}`);
    this.name = "RuleFailure";
    this.finding = { expected, came, frame };
  }
}

/** A rule says nothing about this plugin. */
export class NotApplicable extends Error {}

/** The plugin cannot be checked as it was asked for: wrong usage, not a broken rule. */
export class CannotVerify extends Error {}

/** What became of one rule. */
export interface RuleResult {
  readonly rule: Rule;
  readonly outcome: "passed" | "failed" | "warned" | "skipped";
  /** Why it was skipped, or what was noticed; a sentence each. */
  readonly remarks: readonly string[];
  /** Set where it failed. */
  readonly finding: Finding | undefined;
  readonly durationMs: number;
}
