import { type Metric, metrics, type RunSummary, toMeanInterval } from "../results/index.ts";
import type { Chart, ChartPoint, ChartSeries } from "./chart.ts";
import { groupRuns, policiesOf, type ReportRun, type RunGroup } from "./report.ts";

/** A chart a figure, against the rate that was offered; a line a policy. */
export function sweepCharts(runs: readonly ReportRun[]): readonly Chart[] {
  const groups = groupRuns(runs).toSorted((a, b) => (a.ratePerSecond ?? 0) - (b.ratePerSecond ?? 0));
  return metrics.map((metric) => toChart(metric, policiesOf(runs), groups));
}

/** Mean of a figure over the runs of a group, with its interval where there is one. */
export function toPoint(x: number, summaries: readonly RunSummary[], of: Metric["of"]): ChartPoint {
  const values = summaries.flatMap((summary) => of(summary) ?? []);
  const interval = toMeanInterval(values);
  if (interval === null) return { x, y: null };
  const { mean, low, high } = interval;
  return low === null || high === null ? { x, y: mean } : { x, y: mean, low, high };
}

function toChart(metric: Metric, policies: readonly string[], groups: readonly RunGroup[]): Chart {
  const series = policies.flatMap((policy, look) => toSeries(metric, policy, look, groups));
  const seeds = Math.max(...groups.map(({ summaries }) => summaries.length));
  return {
    id: metric.id,
    title: metric.title,
    description: `${metric.about} ${sayOfSeeds(seeds)}${metric.id === "hit-rate" ? " Dashed: as believed by the router." : ""}`,
    kind: "lines",
    x: { label: "offered requests/s", scale: "linear" },
    y: { label: metric.unit, scale: yScaleOf(metric, series), ...(metric.unit === "share" ? { upTo: 1 } : {}) },
    categories: [],
    series,
  };
}

function toSeries(metric: Metric, policy: string, look: number, groups: readonly RunGroup[]): readonly ChartSeries[] {
  const own = groups.filter((group) => group.policy === policy);
  const line = (name: string, dashed: boolean, of: Metric["of"]): ChartSeries => ({
    name,
    look,
    dashed,
    points: own.map(({ ratePerSecond, summaries }) => toPoint(ratePerSecond ?? 0, summaries, of)),
  });
  const solid = line(policy, false, metric.of);
  if (metric.id !== "hit-rate") return [solid];
  const believed = line(`${policy}, believed`, true, ({ all }) => all.cache.believedHitRate);
  return believed.points.some(({ y }) => y !== null) ? [solid, believed] : [solid];
}

/** Times that differ by a hundred times and more are not seen beside each other on a linear axis. */
function yScaleOf({ unit }: Metric, series: readonly ChartSeries[]): "linear" | "log" {
  const values = series.flatMap(({ points }) => points.flatMap(({ y }) => (y === null || y <= 0 ? [] : [y])));
  return unit === "ms" && Math.max(...values) > 100 * Math.min(...values) ? "log" : "linear";
}

function sayOfSeeds(seeds: number): string {
  return seeds > 1 ? `Mean of ${seeds} seeds; bands: 95 % confidence intervals of the mean.` : "One seed.";
}
