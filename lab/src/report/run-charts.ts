import { type Distribution, outcomeKinds, type RunSummary, type Timeline } from "../results/index.ts";
import type { Chart, ChartPoint, ChartSeries } from "./chart.ts";
import { groupRuns, type ReportRun, type RunGroup } from "./report.ts";
import { toPoint } from "./sweep-charts.ts";

/** Charts of runs at one rate: spreads and courses of the first seed of each policy, shares over all seeds. */
export function runCharts(runs: readonly ReportRun[]): readonly Chart[] {
  const groups = groupRuns(runs);
  return [
    timeChart(groups, "throughput", "Output throughput", "tokens/s", throughputAbout, (t) => t.outputTokensPerSecond),
    timeChart(groups, "requests-sent", "Requests sent", "requests in a slot", sentAbout, (t) => t.sent),
    outcomeChart(groups),
    curveChart(groups, "ttft", "TTFT", "ttftMs", "Sent to first token, of requests answered whole."),
    timeChart(groups, "ttft-over-time", "TTFT over time", "ms", ttftAbout, (t) => t.ttftMs),
    curveChart(groups, "itl", "ITL", "itlMs", "Gap between two tokens; each gap is taken as its request's mean gap."),
    curveChart(groups, "tpot", "TPOT", "tpotMs", "Mean gap of each request answered whole."),
    curveChart(groups, "normalised", "Normalised time per output token", "normalisedMs", normalisedAbout),
    curveChart(groups, "end-to-end", "End to end", "endToEndMs", "Sent to end, of requests answered whole."),
    hitRateChart(groups),
    sloChart(groups),
    curveChart(groups, "decision", "Decision", "decisionMs", decisionAbout),
  ];
}

const throughputAbout = "Output tokens a second of virtual time, counted where their request ended; warm-up included.";
const sentAbout = "Requests by when they were sent; warm-up included.";
const ttftAbout = "Mean TTFT of the requests sent in a slot of time.";
const normalisedAbout = "Sent to end, divided by the output tokens of the request, of requests answered whole.";
const decisionAbout = "Virtual time from a decision's start to its pick; 0 unless latencies of plugins are simulated.";

type DistributionName = "ttftMs" | "itlMs" | "tpotMs" | "normalisedMs" | "endToEndMs" | "decisionMs";

function curveChart(
  groups: readonly RunGroup[],
  id: string,
  title: string,
  name: DistributionName,
  about: string,
): Chart {
  const curves = groups.map(({ summaries }) => summaries[0]?.all[name].curve ?? []);
  return {
    id,
    title,
    description: `${about} The share of values that are at most so large, within 0.2 %.`,
    kind: "lines",
    x: { label: "ms", scale: isWide(curves.flat()) ? "log" : "linear" },
    y: { label: "share of values at or below", scale: "linear", upTo: 1 },
    categories: [],
    series: toSeries(groups, (_, i) => toCurve(curves[i] ?? [])),
  };
}

function toCurve(curve: Distribution["curve"]): readonly ChartPoint[] {
  return curve.map((x, i) => ({ x, y: i / (curve.length - 1) }));
}

function isWide(values: readonly number[]): boolean {
  return values.length > 0 && Math.min(...values) > 0 && Math.max(...values) > 20 * Math.min(...values);
}

function timeChart(
  groups: readonly RunGroup[],
  id: string,
  title: string,
  label: string,
  about: string,
  column: (timeline: Timeline) => readonly (number | null)[],
): Chart {
  return {
    id,
    title,
    description: about,
    kind: "lines",
    x: { label: "virtual time in s", scale: "linear" },
    y: { label, scale: "linear" },
    categories: [],
    series: toSeries(groups, ({ timeline }) => alongTime(column(timeline), timeline.intervalMs)),
  };
}

/** Values of slots of time, each at its middle, in s. */
export function alongTime(values: readonly (number | null)[], intervalMs: number): readonly ChartPoint[] {
  return values.map((y, i) => ({ x: ((i + 0.5) * intervalMs) / 1000, y }));
}

function toSeries(
  groups: readonly RunGroup[],
  points: (summary: RunSummary, group: number) => readonly ChartPoint[],
): readonly ChartSeries[] {
  return groups.flatMap(({ policy, summaries: [first] }, look) =>
    first === undefined ? [] : [{ name: policy, look, dashed: false, points: points(first, look) }],
  );
}

function outcomeChart(groups: readonly RunGroup[]): Chart {
  return barChart(
    groups,
    "success",
    "Success",
    "Requests by how they ended, as a share of all. The client time-out decides what is answered whole.",
    outcomeKinds.map((kind) => ({
      name: kind.replace("_", " "),
      of: ({ all }) => (all.requests === 0 ? null : all.outcomes[kind] / all.requests),
    })),
  );
}

function hitRateChart(groups: readonly RunGroup[]): Chart {
  return barChart(
    groups,
    "hit-rate",
    "Prefix hit rate",
    "Share of prompt tokens found in prefix caches, and what the router believed where it had a belief.",
    [
      { name: "true", of: ({ all }) => all.cache.hitRate },
      { name: "believed", of: ({ all }) => all.cache.believedHitRate },
      { name: "true, where believed", of: ({ all }) => all.cache.hitRateWhereBelieved },
    ],
  );
}

function sloChart(groups: readonly RunGroup[]): Chart {
  const parts = [...new Set(groups.flatMap(({ summaries }) => summaries.flatMap(({ parts }) => Object.keys(parts))))];
  return barChart(
    groups,
    "slo-attainment",
    "SLO attainment",
    "Share of requests that met all their targets, among those that have some; by part of the workload.",
    [
      { name: "all", of: ({ all }) => all.slo.attainment },
      ...parts.map((part) => ({
        name: part,
        of: (summary: RunSummary) => summary.parts[part]?.slo.attainment ?? null,
      })),
    ],
  );
}

interface Category {
  readonly name: string;
  readonly of: (summary: RunSummary) => number | null;
}

function barChart(
  groups: readonly RunGroup[],
  id: string,
  title: string,
  description: string,
  categories: readonly Category[],
): Chart {
  return {
    id,
    title,
    description,
    kind: "bars",
    x: { label: "", scale: "linear" },
    y: { label: "share", scale: "linear", upTo: 1 },
    categories: categories.map(({ name }) => name),
    series: groups.map(({ policy, summaries }, look) => ({
      name: policy,
      look,
      dashed: false,
      points: categories.map(({ of }, x) => toPoint(x, summaries, of)),
    })),
  };
}
