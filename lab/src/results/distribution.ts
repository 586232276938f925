import type { Histogram } from "./histogram.ts";
import { toNumber, toPoint } from "./numbers.ts";
import type { Distribution } from "./types.ts";

/** Points of a curve: 0, 1, … 100 %. */
const curvePoints = 101;

/** What a histogram holds, for a summary. */
export function toDistribution(histogram: Histogram): Distribution {
  const at = (q: number) => toPoint(histogram.quantile(q));
  return {
    count: histogram.count,
    mean: toNumber(histogram.mean),
    min: toNumber(histogram.min),
    max: toNumber(histogram.max),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    curve: histogram.count === 0 ? [] : Array.from({ length: curvePoints }, (_, i) => at(i / (curvePoints - 1)) ?? 0),
  };
}
