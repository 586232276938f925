import { metrics } from "../results/index.ts";
import type { Chart } from "./chart.ts";
import type { ReportRun } from "./report.ts";

/** One row a run, one column a figure. */
export function toRunsCsv(runs: readonly ReportRun[]): string {
  const heads = ["policy", "rate_per_second", "seed", "requests", "cut_short", ...metrics.map(toHead), "picks_sha256"];
  const rows = runs.map(({ policy, ratePerSecond, summary }) => [
    policy,
    ratePerSecond,
    summary.scenario.seed,
    summary.all.requests,
    summary.cutShort ?? "",
    ...metrics.map(({ of }) => of(summary)),
    summary.picksSha256,
  ]);
  return toCsv([heads, ...rows]);
}

/** One row a point of a chart. */
export function toSeriesCsv(charts: readonly Chart[]): string {
  const rows = charts.flatMap(({ id, series, categories }) =>
    series.flatMap(({ name, points }) =>
      points.map(({ x, y, low, high }) => [id, name, categories[x] ?? x, y, low ?? null, high ?? null]),
    ),
  );
  return toCsv([["chart", "series", "x", "y", "low", "high"], ...rows]);
}

function toHead({ id, unit }: { readonly id: string; readonly unit: string }): string {
  return `${id}_${unit}`.replaceAll(/[^a-z\d]+/g, "_");
}

/** Rows as RFC 4180 has them, but with line feeds; nothing where a value is unknown. */
function toCsv(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((row) => `${row.map(toCell).join(",")}\n`).join("");
}

/** Cells that a spreadsheet would take for a formula are made text. */
function toCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
