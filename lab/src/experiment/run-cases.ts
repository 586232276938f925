import { join } from "node:path";
import type { PluginCatalogue } from "@outrider/host";
import {
  CompareError,
  type CompareProgress,
  type Comparison,
  compare,
  createPlan,
  type Plan,
  type RunPool,
} from "../compare/index.ts";
import type { Override } from "../scenario/index.ts";
import type { Experiment } from "./load-experiment.ts";

/** The runs of one case, checked. */
export interface CasePlan {
  readonly name: string;
  readonly plan: Plan;
}

/** What came of one case. */
export interface CaseComparison {
  readonly name: string;
  readonly comparison: Comparison;
}

/** How the runs of an experiment are made. */
export interface ExperimentRunner extends RunPool {
  /** Each case keeps its runs in a folder of its name in this one; `undefined` = nowhere. */
  readonly folder: string | undefined;
  /** Told of all cases together. */
  readonly progress: (progress: CompareProgress) => void;
  /** Told of each case whose runs are done, interrupted or not. */
  readonly ended: (one: CaseComparison) => Promise<void>;
}

/**
 * Reads and checks all that an experiment is made of, before anything is run.
 * @param overrides values that stand in all scenarios, before those of the cases.
 * @throws {CompareError} with what is wrong in any of its cases.
 */
export async function planCases(
  { name: experiment, cases, policies, rates, seeds }: Experiment,
  overrides: readonly Override[],
  catalogue: PluginCatalogue,
): Promise<readonly CasePlan[]> {
  const problems = new Set<string>();
  const plans: CasePlan[] = [];
  for (const { name, scenario, overrides: own } of cases) {
    const options = { policies, scenario, workload: undefined, rates, seeds, catalogue };
    try {
      const plan = await createPlan({ ...options, overrides: [...own, ...overrides] });
      plans.push({ name, plan: { ...plan, title: `${experiment}, ${name}: ${plan.title}` } });
    } catch (error) {
      if (!(error instanceof CompareError)) throw error;
      const place = error.kind === "usage" ? `case ${name}: ` : "";
      for (const problem of error.problems) problems.add(`${place}${problem}`);
    }
  }
  if (problems.size > 0) throw new CompareError("faults", [...problems]);
  return plans;
}

/**
 * Makes the runs case by case; once interrupted, the rest is told as missing.
 * @throws {WriteError} where a run cannot be kept.
 */
export async function runCases(
  plans: readonly CasePlan[],
  { folder, progress, ended, ...pool }: ExperimentRunner,
): Promise<readonly CaseComparison[]> {
  const all = plans.reduce((sum, { plan }) => sum + plan.jobs.length, 0);
  let [made, failed] = [0, 0];
  const cases: CaseComparison[] = [];
  for (const { name, plan } of plans) {
    const tell = (one: CompareProgress) => {
      if (pool.signal.aborted) return;
      progress({ made: made + one.made, failed: failed + one.failed, all, last: one.last });
    };
    const own = folder === undefined ? undefined : join(folder, name);
    const comparison = await compare(plan, { ...pool, folder: own, again: false, progress: tell });
    made += comparison.made.length;
    failed += comparison.failed.length;
    cases.push({ name, comparison });
    await ended({ name, comparison });
  }
  return cases;
}
