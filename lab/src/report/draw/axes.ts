import { scaleLinear, scaleLog } from "d3-scale";
import type { Chart, ChartAxis } from "../chart.ts";
import { formatTick } from "./format.ts";
import { element, text } from "./svg.ts";

/** Where the values of a chart are drawn, in its own units. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Numbers to coordinates. */
export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

/** The scale of an axis over the values on it. Values that a log scale cannot have come to lie at its lower end. */
export function createScale(axis: ChartAxis, values: readonly number[], range: readonly [number, number]): Scale {
  const highest = Math.max(axis.upTo ?? Number.NEGATIVE_INFINITY, ...values);
  return axis.scale === "log" ? logScale(values, highest, range) : linearScale(values, highest, range);
}

/** Lines of the grid across, with their numbers on the left. */
export function drawYAxis(scale: Scale, { left, right }: Frame): readonly string[] {
  return scale.ticks.flatMap((tick) => {
    const y = scale(tick);
    return [
      element("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
      element("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, formatTick(tick)),
    ];
  });
}

/** Numbers below, thinned out so that they do not touch. */
export function drawXAxis(scale: Scale, { left, right, bottom }: Frame): readonly string[] {
  const step = Math.ceil((scale.ticks.length * 44) / (right - left));
  return scale.ticks
    .filter((_, i) => i % step === 0)
    .map((tick) => element("text", { x: scale(tick), y: bottom + 18, "text-anchor": "middle" }, formatTick(tick)));
}

/** Names of both axes. */
export function drawLabels({ x, y, categories }: Chart, { left, right, top, bottom }: Frame): readonly string[] {
  const xLabel = element(
    "text",
    { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" },
    text(categories.length > 0 ? "" : nameOf(x)),
  );
  return [xLabel, element("text", { x: 8, y: top - 12 }, text(nameOf(y)))];
}

function nameOf({ label, scale }: ChartAxis): string {
  return scale === "log" ? `${label}, log scale` : label;
}

function linearScale(values: readonly number[], highest: number, range: readonly [number, number]): Scale {
  const lowest = Math.min(0, ...values);
  const scale = scaleLinear()
    .domain([lowest, highest > lowest ? highest : lowest + 1])
    .nice(5)
    .range(range);
  return Object.assign((value: number) => scale(value), { ticks: scale.ticks(5) });
}

function logScale(values: readonly number[], highest: number, range: readonly [number, number]): Scale {
  const positive = values.filter((value) => value > 0);
  const low = Math.min(...positive, Math.max(highest, 1));
  const scale = scaleLog()
    .domain([low, highest > low ? highest : low * 10])
    .nice()
    .range(range);
  const [from = low, to = low] = scale.domain();
  const powers = Math.log10(to / from);
  const ticks = scale
    .ticks()
    .filter((tick) => powers < 1.5 || Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6));
  return Object.assign((value: number) => scale(Math.max(value, from)), { ticks });
}
