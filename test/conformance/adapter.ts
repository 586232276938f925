import type { EppCase, Fixtures } from "./case-file.ts";
import type { Verdict } from "./verdict.ts";

/** What a run shares between its cases. */
export interface RunContext {
  readonly fixtures: Fixtures;
}

/** Runs the cases of one group, told what to do by their fields alone. */
export type Adapter = (testCase: EppCase, context: RunContext) => Verdict | Promise<Verdict>;
