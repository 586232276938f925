import type { Report, ReportRun } from "../report/index.ts";
import type { RunSummary } from "../results/index.ts";
import { type Difference, toDifferences } from "./differences.ts";
import { describeJob, type Job, keyOf } from "./job.ts";
import { createKeptRuns } from "./kept-runs.ts";
import type { Plan } from "./plan.ts";
import { type JobResult, type RunPool, runAll } from "./run-pool.ts";
import { toFindings } from "./verdict.ts";

/** How a comparison is made. */
export interface CompareOptions extends RunPool {
  /** Folder where runs are kept and looked for; `undefined` = nowhere. */
  readonly folder: string | undefined;
  /** Whether runs that are kept are made again. */
  readonly again: boolean;
  /** Told when runs have been found, and of each one that ends. */
  readonly progress: (progress: CompareProgress) => void;
}

/** Where a comparison stands. */
export interface CompareProgress {
  /** Runs that there are, kept ones included. */
  readonly made: number;
  readonly failed: number;
  readonly all: number;
  /** The run that has ended last; `undefined` at the beginning. */
  readonly last: JobResult | undefined;
}

/** What came of a comparison. */
export interface Comparison {
  readonly report: Report;
  readonly differences: readonly Difference[];
  /** Runs that there are, in the order of the plan. */
  readonly made: readonly { readonly job: Job; readonly key: string; readonly summary: RunSummary }[];
  /** Runs that failed, and why. */
  readonly failed: readonly { readonly job: Job; readonly message: string }[];
}

/**
 * Makes the runs of a plan that are not kept from before, and compares. Ends early by the signal, with what there is.
 * @throws {WriteError} where a run cannot be kept.
 */
export async function compare(plan: Plan, options: CompareOptions): Promise<Comparison> {
  const kept = createKeptRuns(options.folder);
  const keys = new Map(plan.jobs.map((job) => [job, keyOf(job)]));
  const summaries = new Map<string, RunSummary>();
  const failed: { job: Job; message: string }[] = [];
  const tell = (last: JobResult | undefined) =>
    options.progress({ made: countMade(plan, keys, summaries), failed: failed.length, all: plan.jobs.length, last });

  for (const key of options.again ? [] : new Set(keys.values())) {
    const summary = await kept.find(key);
    if (summary !== undefined) summaries.set(key, summary);
  }
  tell(undefined);
  await runAll(missingJobs(plan, keys, summaries), options, async (result) => {
    const key = keys.get(result.job)!;
    if (result.kind === "failed") failed.push(result);
    else {
      summaries.set(key, result.summary);
      await kept.keep(key, result.summary);
    }
    tell(result);
  });
  return toComparison(plan, keys, summaries, failed, options.signal);
}

/** Runs whose results are not there; one of several with the same inputs. */
function missingJobs(
  { jobs }: Plan,
  keys: ReadonlyMap<Job, string>,
  summaries: ReadonlyMap<string, RunSummary>,
): readonly Job[] {
  const byKey = new Map(jobs.toReversed().map((job) => [keys.get(job)!, job]));
  return jobs.filter((job) => !summaries.has(keys.get(job)!) && byKey.get(keys.get(job)!) === job);
}

function countMade({ jobs }: Plan, keys: ReadonlyMap<Job, string>, made: ReadonlyMap<string, RunSummary>): number {
  return jobs.filter((job) => made.has(keys.get(job)!)).length;
}

function toComparison(
  plan: Plan,
  keys: ReadonlyMap<Job, string>,
  summaries: ReadonlyMap<string, RunSummary>,
  failed: Comparison["failed"],
  signal: AbortSignal,
): Comparison {
  const made = plan.jobs.flatMap((job) => {
    const key = keys.get(job)!;
    const summary = summaries.get(key);
    return summary === undefined ? [] : [{ job, key, summary }];
  });
  const runs = made.map(
    ({ job: { policy, ratePerSecond }, summary }): ReportRun => ({ policy, ratePerSecond, summary }),
  );
  const inOrder = failed.toSorted((a, b) => plan.jobs.indexOf(a.job) - plan.jobs.indexOf(b.job));
  const differences = toDifferences(runs);
  const partial = sayPartial(plan.jobs.length - made.length, plan.jobs.length, inOrder, signal);
  const report = { title: plan.title, runs, findings: toFindings(runs, differences), partial, sources: plan.sources };
  return { report, differences, made, failed: inOrder };
}

/** Failed runs that are told one by one. */
const maxTold = 10;

function sayPartial(missing: number, all: number, failed: Comparison["failed"], signal: AbortSignal): string | null {
  if (missing === 0) return null;
  const told = failed.slice(0, maxTold).map(({ job, message }) => `${describeJob(job)} failed: ${message}`);
  const rest = failed.length > maxTold ? [`${failed.length - maxTold} more failed`] : [];
  const stopped = signal.aborted ? ["it was interrupted"] : [];
  return [`${missing} of ${all} runs are missing`, ...stopped, ...told, ...rest].join("; ");
}
