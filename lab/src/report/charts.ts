import type { Chart } from "./chart.ts";
import { loadCharts } from "./load-charts.ts";
import type { Report } from "./report.ts";
import { runCharts } from "./run-charts.ts";
import { sweepCharts } from "./sweep-charts.ts";

/** The charts of a report: figures against the rate where there are several, else how they are spread and go in time. */
export function chartsOf({ runs }: Report): readonly Chart[] {
  if (runs.length === 0) return [];
  const rates = new Set(runs.map(({ ratePerSecond }) => ratePerSecond));
  return [...(rates.size > 1 ? sweepCharts(runs) : runCharts(runs)), ...loadCharts(runs)];
}
