import type { RunSummary, ServerSummary } from "../results/index.ts";
import type { Chart } from "./chart.ts";
import { groupRuns, policiesOf, type ReportRun } from "./report.ts";
import { alongTime } from "./run-charts.ts";

/** More servers are not told apart by colour. */
const maxTold = 8;

const columns = [
  { id: "running", title: "Running requests", label: "requests running", name: "running" },
  { id: "waiting", title: "Waiting requests", label: "requests waiting", name: "waiting" },
  { id: "kv", title: "KV-cache use", label: "share of KV blocks", name: "kvUsage" },
] as const;

interface Shown {
  readonly policy: string;
  readonly ratePerSecond: number | null;
  readonly summary: RunSummary;
}

/** Load of each server over time: three charts a policy, of its first seed at the highest rate; axes alike. */
export function loadCharts(runs: readonly ReportRun[]): readonly Chart[] {
  const shown = policiesOf(runs).flatMap((policy) => firstAtHighestRate(runs, policy));
  return columns.flatMap((column) => {
    const highest = Math.max(...shown.map(({ summary }) => highestOf(summary.servers, column.name)));
    const upTo = column.name === "kvUsage" ? 1 : Math.max(highest, 1);
    return shown.map((run, i) => toChart(run, i, column, upTo, shown.length > 1));
  });
}

function firstAtHighestRate(runs: readonly ReportRun[], policy: string): readonly Shown[] {
  const groups = groupRuns(runs.filter((run) => run.policy === policy));
  const highest = groups.toSorted((a, b) => (b.ratePerSecond ?? 0) - (a.ratePerSecond ?? 0))[0];
  const summary = highest?.summaries[0];
  return highest === undefined || summary === undefined
    ? []
    : [{ policy, ratePerSecond: highest.ratePerSecond, summary }];
}

function toChart(
  { policy, ratePerSecond, summary }: Shown,
  index: number,
  column: (typeof columns)[number],
  upTo: number,
  several: boolean,
): Chart {
  const { servers, loadIntervalMs, scenario } = summary;
  const rate = ratePerSecond === null ? "" : ` at ${ratePerSecond} requests/s`;
  return {
    id: several ? `load-${column.id}-${index + 1}` : `load-${column.id}`,
    title: `${column.title} by server: ${policy}${rate}`,
    description: `Mean of the samples of each server over slots of ${loadIntervalMs} ms of virtual time, seed ${scenario.seed}; warm-up included.`,
    kind: servers.length > maxTold ? "swarm" : "lines",
    x: { label: "virtual time in s", scale: "linear" },
    y: { label: column.label, scale: "linear", upTo },
    categories: [],
    series: servers.map((server, look) => ({
      name: server.name,
      look,
      dashed: false,
      points: alongTime(server[column.name], loadIntervalMs),
    })),
  };
}

function highestOf(servers: readonly ServerSummary[], name: (typeof columns)[number]["name"]): number {
  return servers.reduce(
    (most, server) => server[name].reduce((high: number, value) => Math.max(high, value ?? 0), most),
    0,
  );
}
