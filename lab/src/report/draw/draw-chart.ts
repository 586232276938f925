import { type Chart, type ChartSeries, hasValues } from "../chart.ts";
import { createScale, drawLabels, drawXAxis, drawYAxis, type Frame } from "./axes.ts";
import { drawBars } from "./bars.ts";
import { dashesOf, drawLines, drawSwarm, markPath } from "./lines.ts";
import { element, text } from "./svg.ts";
import { chartStyle, lookCount } from "./theme.ts";

const width = 640;
const plotHeight = 250;
const legendRow = 20;

/**
 * A chart as an SVG element with title and description.
 * @param standalone whether it is a file of its own and so brings its style.
 */
export function drawChart(chart: Chart, standalone: boolean): string {
  const legend = drawLegend(chart);
  const frame: Frame = { left: 56, right: width - 16, top: 54, bottom: 54 + plotHeight };
  const height = frame.bottom + 50 + legend.rows * legendRow;
  const ids = [`${chart.id}-title`, `${chart.id}-desc`] as const;
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    class: "chart",
    role: "img",
    "aria-labelledby": ids.join(" "),
  };
  return element(
    "svg",
    { ...attributes, width: standalone ? width : undefined, height: standalone ? height : undefined },
    element("title", { id: ids[0] }, text(chart.title)),
    element("desc", { id: ids[1] }, text(chart.description)),
    standalone ? element("style", {}, chartStyle("svg.chart")) : "",
    element("rect", { class: "ground", x: 0, y: 0, width, height }),
    element("text", { class: "heading", x: 8, y: 20 }, text(chart.title)),
    ...(hasValues(chart) ? drawValues(chart, frame) : [drawNothing(frame)]),
    ...legend.parts.map((part) => element("g", { transform: `translate(0,${frame.bottom + 60})` }, part)),
  );
}

function drawValues(chart: Chart, frame: Frame): readonly string[] {
  const points = chart.series.flatMap((series) => series.points).filter(({ y }) => y !== null);
  const heights = points.flatMap(({ y, low, high }) => [y ?? 0, low ?? y ?? 0, high ?? y ?? 0]);
  const y = createScale(chart.y, heights, [frame.bottom, frame.top]);
  const labels = [...drawYAxis(y, frame), ...drawLabels(chart, frame)];
  if (chart.kind === "bars") return [...labels, ...drawBars(chart, frame, y)];
  const places = points.map((point) => point.x);
  const x = createScale(chart.x, places, [frame.left, frame.right]);
  const draw = chart.kind === "swarm" ? drawSwarm : drawLines;
  return [...labels, ...drawXAxis(x, frame), ...draw(chart, x, y)];
}

function drawNothing({ left, right, top, bottom }: Frame): string {
  return element(
    "text",
    { x: (left + right) / 2, y: (top + bottom) / 2, "text-anchor": "middle" },
    "nothing to show: no request had such a value",
  );
}

/** A legend where there is more than one series; it takes as many rows as its names need. */
function drawLegend(chart: Chart): { readonly rows: number; readonly parts: readonly string[] } {
  const entries = chart.kind === "swarm" ? swarmEntries(chart) : chart.series;
  if (entries.length < 2) return { rows: 0, parts: [] };
  let [left, row] = [56, 0];
  const parts = entries.map((series) => {
    const space = 34 + series.name.length * 6.6;
    if (left + space > width - 8 && left > 56) [left, row] = [56, row + 1];
    const part = drawEntry(series, chart.kind, left, row * legendRow);
    left += space;
    return part;
  });
  return { rows: row + 1, parts };
}

function swarmEntries({ series }: Chart): readonly ChartSeries[] {
  const names = [`mean of ${series.length} servers`, "each server"];
  return names.map((name, look) => ({ name, look: look === 0 ? 0 : -1, dashed: false, points: [] }));
}

function drawEntry(series: ChartSeries, kind: Chart["kind"], left: number, top: number): string {
  const colour = series.look < 0 ? "thin" : `s${series.look % lookCount}`;
  const line = { class: `line ${colour}`, "stroke-dasharray": dashesOf(series) };
  const sample =
    kind === "bars"
      ? element("rect", {
          class: `f${series.look % lookCount}`,
          x: left + 6,
          y: top - 9,
          width: 11,
          height: 11,
          opacity: series.dashed ? 0.5 : undefined,
        })
      : element("path", { ...line, d: `M${left},${top - 4}h20` });
  const place = `translate(${left + 10},${top - 4})`;
  const mark = { class: `f${series.look % lookCount}`, d: markPath(series, 40), transform: place };
  return [
    sample,
    kind === "lines" ? element("path", mark) : "",
    element("text", { x: left + 25, y: top }, text(series.name)),
  ].join("");
}
