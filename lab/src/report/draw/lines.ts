import { area, line, symbol, symbolsFill } from "d3-shape";
import type { Chart, ChartPoint, ChartSeries } from "../chart.ts";
import type { Scale } from "./axes.ts";
import { formatFigure } from "./format.ts";
import { element, text } from "./svg.ts";
import { lookCount } from "./theme.ts";

/** Series with more points have no marks, only their line. */
const maxMarks = 40;

/** Lines with marks, and bands where values have an interval. */
export function drawLines({ series, x: axis }: Chart, x: Scale, y: Scale): readonly string[] {
  return [
    ...series.map((one) => drawBand(one, x, y)),
    ...series.flatMap((one) => [drawLine(one, x, y), ...drawMarks(one, axis.label, x, y)]),
  ];
}

/** Thin lines that are not told apart, and their mean. */
export function drawSwarm({ series }: Chart, x: Scale, y: Scale): readonly string[] {
  return [
    ...series.map((one) => element("path", { class: "thin", d: toPath(one.points, x, y) }, title(one.name))),
    element("path", { class: "line s0", d: toPath(meanOf(series), x, y) }, title("mean")),
  ];
}

/** Dashes of a series: every eight series look the same but for them. */
export function dashesOf({ look, dashed }: ChartSeries): string | undefined {
  if (dashed) return "2 4";
  return look < lookCount ? undefined : `${8 * Math.floor(look / lookCount)} 3`;
}

/** Outline of the mark of a series. */
export function markPath({ look }: ChartSeries, size: number): string {
  return symbol(symbolsFill[look % symbolsFill.length], size)() ?? "";
}

function drawLine(series: ChartSeries, x: Scale, y: Scale): string {
  const look = `line s${series.look % lookCount}`;
  const attributes = { class: look, d: toPath(series.points, x, y), "stroke-dasharray": dashesOf(series) };
  return element("path", attributes, title(series.name));
}

function drawBand({ points, look }: ChartSeries, x: Scale, y: Scale): string {
  const path = area<ChartPoint>()
    .defined(({ low, high }) => low !== undefined && high !== undefined)
    .x((point) => x(point.x))
    .y0(({ low = 0 }) => y(low))
    .y1(({ high = 0 }) => y(high))(points);
  return path ? element("path", { class: `band f${look % lookCount}`, d: path }) : "";
}

function drawMarks(series: ChartSeries, label: string, x: Scale, y: Scale): readonly string[] {
  if (series.points.length > maxMarks) return [];
  return series.points.flatMap((point) => {
    if (point.y === null) return [];
    const place = `translate(${x(point.x).toFixed(2)},${y(point.y).toFixed(2)})`;
    const attributes = { class: `f${series.look % lookCount}`, d: markPath(series, 40), transform: place };
    return [
      element("path", attributes, title(`${series.name}: ${describe(point)} (${label} ${formatFigure(point.x)})`)),
    ];
  });
}

function describe({ y, low, high }: ChartPoint): string {
  const interval = low === undefined || high === undefined ? "" : `, ${formatFigure(low)} to ${formatFigure(high)}`;
  return `${formatFigure(y)}${interval}`;
}

function toPath(points: readonly ChartPoint[], x: Scale, y: Scale): string {
  const path = line<ChartPoint>()
    .defined((point) => point.y !== null)
    .x((point) => x(point.x))
    .y((point) => y(point.y ?? 0))
    .digits(2)(points);
  return path ?? "";
}

function meanOf(series: readonly ChartSeries[]): readonly ChartPoint[] {
  return (series[0]?.points ?? []).map(({ x }, i) => {
    const values = series.flatMap(({ points }) => points[i]?.y ?? []);
    return { x, y: values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length };
  });
}

function title(name: string): string {
  return element("title", {}, text(name));
}
