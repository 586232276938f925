import type { RunSummary } from "../results/index.ts";

/** A run in a report. */
export interface ReportRun {
  /** What is compared: the name of its configuration. */
  readonly policy: string;
  /** Requests a second that were offered; `null` = the workload's own. */
  readonly ratePerSecond: number | null;
  readonly summary: RunSummary;
}

/** What a report is made of. Holds no time, path or duration of a run: the same runs make the same files. */
export interface Report {
  readonly title: string;
  /** In the order in which policies, rates and seeds are to be shown. */
  readonly runs: readonly ReportRun[];
  /** What is found, in sentences. */
  readonly findings: readonly string[];
  /** Why there is less than there was to be; `null` = all is there. */
  readonly partial: string | null;
  /** Text of the scenario and other files that runs were made of, by name; configurations are in the summaries. */
  readonly sources: Readonly<Record<string, string>>;
}

/** The report of one run. */
export function toRunReport(summary: RunSummary): Report {
  return {
    title: summary.scenario.name,
    runs: [{ policy: summary.scenario.configName, ratePerSecond: null, summary }],
    findings: [],
    partial: summary.cutShort,
    sources: {},
  };
}

/** Runs of one policy at one rate, a seed each. */
export interface RunGroup {
  readonly policy: string;
  readonly ratePerSecond: number | null;
  readonly summaries: readonly RunSummary[];
}

/** Runs by policy and rate, in the order of first appearance. */
export function groupRuns(runs: readonly ReportRun[]): readonly RunGroup[] {
  const groups = new Map<string, RunGroup & { readonly summaries: RunSummary[] }>();
  for (const { policy, ratePerSecond, summary } of runs) {
    const key = JSON.stringify([policy, ratePerSecond]);
    const group = groups.get(key) ?? { policy, ratePerSecond, summaries: [] };
    group.summaries.push(summary);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Names of the policies, in the order of first appearance. */
export function policiesOf(runs: readonly ReportRun[]): readonly string[] {
  return [...new Set(runs.map(({ policy }) => policy))];
}
