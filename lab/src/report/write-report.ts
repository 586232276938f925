import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isMap } from "@outrider/host";
import { chartsOf } from "./charts.ts";
import { toRunsCsv, toSeriesCsv } from "./csv.ts";
import { drawChart } from "./draw/draw-chart.ts";
import { toMarkdown } from "./markdown.ts";
import { toPage } from "./page.ts";
import type { Report } from "./report.ts";
import { versions } from "./versions.ts";
import { WriteError, writeAll } from "./write-file.ts";

const format = "outrider.lab.report.v1";

/**
 * Writes a report into a folder: `report.html`, `report.json`, `summary.md`, `runs.csv`, `series.csv` and `charts/ID.svg`.
 * Charts that only an earlier report in that folder had, a partial one perhaps, are removed.
 * @returns names of the files, within the folder.
 * @throws {WriteError} names the file that cannot be written.
 */
export async function writeReport(folder: string, report: Report): Promise<readonly string[]> {
  const files = reportFiles(report);
  for (const name of await earlierCharts(folder)) {
    if (!Object.hasOwn(files, name)) await remove(join(folder, name));
  }
  return writeAll(folder, files);
}

/** Files of a report by their names. */
export function reportFiles(report: Report): Readonly<Record<string, string>> {
  const charts = chartsOf(report);
  const svgs = charts.map((chart) => [`charts/${chart.id}.svg`, `${drawChart(chart, true)}\n`] as const);
  return {
    ...Object.fromEntries(svgs),
    "series.csv": toSeriesCsv(charts),
    "runs.csv": toRunsCsv(report.runs),
    "report.json": `${JSON.stringify({ format, versions, charts: charts.map(({ id }) => id), ...report })}\n`,
    "summary.md": toMarkdown(report, versions),
    "report.html": toPage(report, charts, versions),
  };
}

/** Charts of the report that is there already: those that it names itself, and nothing else of what lies in the folder. */
async function earlierCharts(folder: string): Promise<readonly string[]> {
  const text = await readFile(join(folder, "report.json"), "utf8").catch(() => "null");
  const report = tryParse(text);
  if (!isMap(report) || report.format !== format || !Array.isArray(report.charts)) return [];
  const ids = report.charts.filter((id) => typeof id === "string" && /^[a-z\d-]+$/.test(id));
  return ids.map((id) => `charts/${id}.svg`);
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw new WriteError(path, cause);
  });
}
