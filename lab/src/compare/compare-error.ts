/** A comparison cannot begin; told on the command line. */
export class CompareError extends Error {
  /** `usage`: of the command line; `faults`: of files, each with its file, line and column. */
  readonly kind: "usage" | "faults";
  /** At least one. */
  readonly problems: readonly string[];

  constructor(kind: "usage" | "faults", problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "CompareError";
    this.kind = kind;
    this.problems = problems;
  }
}
