import { metrics, type RunSummary } from "../results/index.ts";
import { formatIn, formatUnit, shownUnit } from "./draw/format.ts";
import { groupRuns, type ReportRun } from "./report.ts";
import { toPoint } from "./sweep-charts.ts";

/** Rows under heads, all as text. */
export interface TextTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The figures of every policy and rate; means over seeds, with their interval where there is one. */
export function toHeadline(runs: readonly ReportRun[]): TextTable {
  const known = metrics.filter(({ of }) => runs.some(({ summary }) => of(summary) !== null));
  return {
    heads: ["Policy", "Rate", "Seeds", "Requests", ...known.map(({ title, unit }) => `${title}, ${shownUnit(unit)}`)],
    rows: groupRuns(runs).map(({ policy, ratePerSecond, summaries }) => [
      policy,
      ratePerSecond === null ? "workload's own" : `${ratePerSecond}/s`,
      String(summaries.length),
      String(summaries.reduce((sum, { all }) => sum + all.requests, 0)),
      ...known.map(({ of, unit }) => {
        const { y, low, high } = toPoint(0, summaries, of);
        const interval = low === undefined || high === undefined ? "" : ` ± ${formatIn((high - low) / 2, unit)}`;
        return `${formatIn(y, unit)}${interval}`;
      }),
    ]),
  };
}

/** Requests by how they ended, by policy and rate, over all seeds. */
export function toOutcomeTable(runs: readonly ReportRun[]): TextTable {
  const groups = groupRuns(runs);
  const kinds = ["ok", "timed_out", "aborted", "refused", "failed"] as const;
  return {
    heads: ["Policy", "Rate", ...kinds.map((kind) => kind.replace("_", " ")), "Statuses"],
    rows: groups.map(({ policy, ratePerSecond, summaries }) => [
      policy,
      ratePerSecond === null ? "workload's own" : `${ratePerSecond}/s`,
      ...kinds.map((kind) => String(summaries.reduce((sum, { all }) => sum + all.outcomes[kind], 0))),
      sumCounts(summaries.map(({ all }) => all.statuses)),
    ]),
  };
}

/** Calls of each plugin by how they ended, by policy, over all its runs. */
export function toPluginTable(runs: readonly ReportRun[]): TextTable {
  const byPolicy = Map.groupBy(runs, ({ policy }) => policy);
  return {
    heads: ["Policy", "Plugin", "Calls by how they ended"],
    rows: [...byPolicy].flatMap(([policy, own]) => {
      const names = [...new Set(own.flatMap(({ summary }) => Object.keys(summary.plugins)))];
      return names.map((name) => [policy, name, sumCounts(own.map(({ summary }) => summary.plugins[name] ?? {}))]);
    }),
  };
}

/** Figures of each part of the workload, where it has more than one; of the first run of each policy and rate. */
export function toPartTable(runs: readonly ReportRun[]): TextTable {
  const groups = groupRuns(runs).filter(({ summaries: [first] }) => Object.keys(first?.parts ?? {}).length > 1);
  return {
    heads: ["Policy", "Rate", "Part", "Requests", "Success", "TTFT, mean", "ITL, mean", "Prefix hit rate", "SLO"],
    rows: groups.flatMap(({ policy, ratePerSecond, summaries: [first] }) =>
      Object.entries(first?.parts ?? {}).map(([part, { requests, successShare, ttftMs, itlMs, cache, slo }]) => [
        policy,
        ratePerSecond === null ? "workload's own" : `${ratePerSecond}/s`,
        part,
        String(requests),
        formatUnit(successShare, "share"),
        formatUnit(ttftMs.mean, "ms"),
        formatUnit(itlMs.mean, "ms"),
        formatUnit(cache.hitRate, "share"),
        formatUnit(slo.attainment, "share"),
      ]),
    ),
  };
}

/** What the runs of each policy were made of. */
export function toConditions(runs: readonly ReportRun[]): TextTable {
  const byPolicy = Map.groupBy(runs, ({ policy }) => policy);
  return {
    heads: ["Policy", "Seeds", "Servers", "Settings", "Configuration, SHA-256"],
    rows: [...byPolicy].map(([policy, own]) => {
      const facts = own[0]!.summary.scenario;
      const seeds = [...new Set(own.map(({ summary }) => summary.scenario.seed))];
      const settings = Object.entries(facts.settings).map(([name, value]) => `${name} ${value}`);
      return [policy, seeds.join(", "), facts.servers.join("; "), settings.join("; "), facts.configSha256.slice(0, 16)];
    }),
  };
}

/** Texts of the configurations by policy. */
export function configTexts(runs: readonly ReportRun[]): Readonly<Record<string, string>> {
  return Object.fromEntries(runs.map(({ policy, summary }) => [policy, summary.scenario.configText]));
}

/** Why runs were cut short, each reason once. */
export function cutShortReasons(summaries: readonly RunSummary[]): readonly string[] {
  return [...new Set(summaries.flatMap(({ cutShort }) => cutShort ?? []))];
}

function sumCounts(counts: readonly Readonly<Record<string, number>>[]): string {
  const sums = new Map<string, number>();
  for (const [name, count] of counts.flatMap((one) => Object.entries(one))) {
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return [...sums].flatMap(([name, count]) => (count === 0 ? [] : [`${name}: ${count}`])).join(", ");
}
