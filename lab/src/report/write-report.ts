import { chartsOf } from "./charts.ts";
import { toRunsCsv, toSeriesCsv } from "./csv.ts";
import { drawChart } from "./draw/draw-chart.ts";
import { toMarkdown } from "./markdown.ts";
import { toPage } from "./page.ts";
import type { Report } from "./report.ts";
import { versions } from "./versions.ts";
import { writeAll } from "./write-file.ts";

/**
 * Writes a report into a folder: `report.html`, `report.json`, `summary.md`, `runs.csv`, `series.csv` and `charts/ID.svg`.
 * @returns names of the files, within the folder.
 * @throws {WriteError} names the file that cannot be written.
 */
export async function writeReport(folder: string, report: Report): Promise<readonly string[]> {
  return writeAll(folder, reportFiles(report));
}

/** Files of a report by their names. */
export function reportFiles(report: Report): Readonly<Record<string, string>> {
  const charts = chartsOf(report);
  const svgs = charts.map((chart) => [`charts/${chart.id}.svg`, `${drawChart(chart, true)}\n`] as const);
  return {
    ...Object.fromEntries(svgs),
    "series.csv": toSeriesCsv(charts),
    "runs.csv": toRunsCsv(report.runs),
    "report.json": `${JSON.stringify({ format: "outrider.lab.report.v1", versions, ...report })}\n`,
    "summary.md": toMarkdown(report, versions),
    "report.html": toPage(report, charts, versions),
  };
}
