import { scaleBand } from "d3-scale";
import type { Chart, ChartPoint, ChartSeries } from "../chart.ts";
import type { Frame, Scale } from "./axes.ts";
import { formatFigure } from "./format.ts";
import { element, text } from "./svg.ts";
import { lookCount } from "./theme.ts";

/** Bars by category, those of a category beside each other, and whiskers where values have an interval. */
export function drawBars({ series, categories }: Chart, frame: Frame, y: Scale): readonly string[] {
  const places = scaleBand<number>().domain(categories.keys()).range([frame.left, frame.right]).padding(0.2);
  const within = scaleBand<number>().domain(series.keys()).range([0, places.bandwidth()]).padding(0.05);
  const labels = categories.map((name, i) => {
    const x = (places(i) ?? 0) + places.bandwidth() / 2;
    return element("text", { x, y: frame.bottom + 18, "text-anchor": "middle" }, text(shorten(name, places.step())));
  });
  const bars = series.flatMap((one, n) =>
    one.points.flatMap((point) => {
      const x = (places(point.x) ?? 0) + (within(n) ?? 0);
      return point.y === null ? [] : drawBar(one, point, categories[point.x] ?? "", x, within.bandwidth(), y);
    }),
  );
  return [...labels, ...bars];
}

function drawBar(
  { name, look, dashed }: ChartSeries,
  point: ChartPoint,
  category: string,
  x: number,
  width: number,
  y: Scale,
): readonly string[] {
  const [top, zero] = [y(point.y ?? 0), y(0)];
  const label = `${name}, ${category}: ${formatFigure(point.y)}`;
  const box = { x, y: Math.min(top, zero), width, height: Math.max(Math.abs(zero - top), 1) };
  const bar = element(
    "rect",
    { class: `f${look % lookCount}`, ...box, opacity: dashed ? 0.5 : undefined },
    element("title", {}, text(label)),
  );
  if (point.low === undefined || point.high === undefined) return [bar];
  const middle = x + width / 2;
  return [bar, element("line", { class: "whisker", x1: middle, x2: middle, y1: y(point.low), y2: y(point.high) })];
}

/** As much of a name as fits; the rest is in the chart's table. */
function shorten(name: string, width: number): string {
  const most = Math.max(3, Math.floor(width / 7));
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}
