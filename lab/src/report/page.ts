import type { Chart } from "./chart.ts";
import { drawChart } from "./draw/draw-chart.ts";
import { formatFigure } from "./draw/format.ts";
import { element, text } from "./draw/svg.ts";
import { chartStyle } from "./draw/theme.ts";
import { methodNotes, modelLimits } from "./limits.ts";
import { partialNote } from "./partial.ts";
import type { Report } from "./report.ts";
import {
  configTexts,
  type TextTable,
  toConditions,
  toHeadline,
  toOutcomeTable,
  toPartTable,
  toPluginTable,
} from "./tables.ts";
import type { Versions } from "./versions.ts";

/** Charts with more points have no table in the page; `series.csv` has all. */
const maxTablePoints = 120;

/** The report as one HTML page that needs nothing else: no script runs in it, nothing is loaded. */
export function toPage(report: Report, charts: readonly Chart[], versions: Versions): string {
  const note = partialNote(report);
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    element("title", {}, text(report.title)),
    `<style>${chartStyle(":root")}\n${pageStyle}</style></head><body><main>`,
    element("h1", {}, text(report.title)),
    note === undefined ? "" : `<p class="partial" id="partial"><strong>Partial.</strong> ${text(note)}</p>`,
    section("findings", "What was found", list(report.findings), report.findings.length > 0),
    section("figures", "Figures", table(toHeadline(report.runs)), report.runs.length > 0),
    section("charts", "Charts", `<div class="charts">${charts.map(figure).join("")}</div>`, charts.length > 0),
    tableSection("outcomes", "Requests by how they ended", toOutcomeTable(report.runs)),
    tableSection("parts", "Parts of the workload, first seed", toPartTable(report.runs)),
    tableSection("plugins", "Calls of plugins", toPluginTable(report.runs)),
    tableSection("conditions", "How the runs were made", toConditions(report.runs)),
    element("p", { id: "versions" }, text(`Outrider ${versions.outrider}, Node.js ${versions.node}.`)),
    section("sources", "Configurations and scenario", sources(report), true),
    section("limits", "What the model does not do", list(modelLimits), true),
    section("method", "How figures are made", list(methodNotes), true),
    "</main>",
    ...charts.map(data),
    "</body></html>\n",
  ].join("\n");
}

const pageStyle = `
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:84rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.5rem}
figure{margin:0;min-width:0}figcaption,summary{color:var(--quiet);font-size:.875rem}
svg{width:100%;height:auto;display:block}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.875rem}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--grid);vertical-align:top}
td{font-variant-numeric:tabular-nums}#figures td{white-space:nowrap}
pre{overflow-x:auto;border:1px solid var(--grid);padding:.75rem;font-size:.8125rem}
.partial{border:2px solid var(--c4);padding:.5rem .75rem}`;

function figure(chart: Chart): string {
  const points = chart.series.reduce((sum, series) => sum + series.points.length, 0);
  const values =
    points > maxTablePoints ? "" : `<details><summary>Values</summary>${table(toValueTable(chart))}</details>`;
  const caption = element("figcaption", {}, text(chart.description));
  return `<figure id="chart-${chart.id}">${drawChart(chart, false)}${caption}${values}</figure>`;
}

function toValueTable({ series, categories, x }: Chart): TextTable {
  const rows = series.flatMap(({ name, points }) =>
    points.map((point) => [
      name,
      categories[point.x] ?? formatFigure(point.x),
      formatFigure(point.y),
      point.low === undefined || point.high === undefined
        ? ""
        : `${formatFigure(point.low)} to ${formatFigure(point.high)}`,
    ]),
  );
  return { heads: ["Series", x.label, "Value", "95 % interval"], rows };
}

/** The values of a chart for programs. No `<` is left that could end the element. */
function data(chart: Chart): string {
  return `<script type="application/json" id="data-${chart.id}">${JSON.stringify(chart).replaceAll("<", "\\u003c")}</script>`;
}

function section(id: string, title: string, content: string, wanted: boolean): string {
  return wanted ? `<section id="${id}">${element("h2", {}, text(title))}${content}</section>` : "";
}

function tableSection(id: string, title: string, content: TextTable): string {
  return section(id, title, table(content), content.rows.length > 0);
}

function table({ heads, rows }: TextTable): string {
  const head = heads.map((name) => element("th", { scope: "col" }, text(name))).join("");
  const body = rows.map((row) => `<tr>${row.map((cell) => element("td", {}, text(cell))).join("")}</tr>`).join("");
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function list(lines: readonly string[]): string {
  return `<ul>${lines.map((line) => element("li", {}, text(line))).join("")}</ul>`;
}

function sources({ runs, sources: others }: Report): string {
  return Object.entries({ ...configTexts(runs), ...others })
    .map(([name, content]) => `<details><summary>${text(name)}</summary><pre>${text(content)}</pre></details>`)
    .join("");
}
