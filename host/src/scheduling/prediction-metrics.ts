import type { Registry } from "prom-client";
import { type CounterSeries, createPlainCounter, type PlainCounter } from "../metrics/plain-counter.ts";
import type { Latency, Prediction } from "./predictions.ts";

/** What is counted of predictions. */
export interface PredictionMetrics {
  /** A response came to its end for which something was predicted. */
  predicted(prediction: Prediction, took: Latency): void;
}

/** Counts of one producer and one duration that it predicts. */
interface PredictionSeries {
  readonly compared: CounterSeries;
  readonly observed: CounterSeries;
  readonly over: CounterSeries;
  readonly under: CounterSeries;
  readonly within: CounterSeries;
  readonly above: CounterSeries;
}

/** Registers them; a producer has series from its first prediction that is compared. */
export function createPredictionMetrics(registry: Registry): PredictionMetrics {
  const make = createSeries(registry);
  const ttft = new Map<string, PredictionSeries>();
  const tpot = new Map<string, PredictionSeries>();
  const of = (known: Map<string, PredictionSeries>, kind: "ttft" | "tpot", producer: string) => {
    let series = known.get(producer);
    if (series === undefined) {
      series = make({ producer, kind });
      known.set(producer, series);
    }
    return series;
  };
  return {
    predicted({ producer, ttftMs, ttftP90Ms, tpotMs, tpotP90Ms }, took) {
      if (isComparable(took.ttftMs, ttftMs, ttftP90Ms)) {
        compare(of(ttft, "ttft", producer), took.ttftMs, ttftMs, ttftP90Ms);
      }
      if (isComparable(took.tpotMs, tpotMs, tpotP90Ms)) {
        compare(of(tpot, "tpot", producer), took.tpotMs, tpotMs, tpotP90Ms);
      }
    },
  };
}

/** Registers the counters. @returns what makes the series of a producer. */
function createSeries(registry: Registry): (labels: { producer: string; kind: string }) => PredictionSeries {
  const counter = (name: string, help: string): PlainCounter => createPlainCounter(registry, name, help);
  const compared = counter(
    "outrider_prediction_compared_total",
    "Predictions of TTFT and TPOT that were compared with what the request took, by producer.",
  );
  const observed = counter("outrider_prediction_observed_seconds_total", "What those requests took.");
  const error = counter(
    "outrider_prediction_error_seconds_total",
    "By how much it was predicted too long (over) or too short (under).",
  );
  const p90 = counter(
    "outrider_prediction_p90_total",
    "Predicted 90th percentiles, by whether the request took no longer (within) or longer (above).",
  );
  return (labels) => ({
    compared: compared.series(labels),
    observed: observed.series(labels),
    over: error.series({ ...labels, direction: "over" }),
    under: error.series({ ...labels, direction: "under" }),
    within: p90.series({ ...labels, observed: "within" }),
    above: p90.series({ ...labels, observed: "above" }),
  });
}

function isComparable(tookMs: number, meanMs: number, p90Ms: number): boolean {
  return tookMs > 0 && (meanMs >= 0 || p90Ms >= 0);
}

function compare(series: PredictionSeries, tookMs: number, meanMs: number, p90Ms: number): void {
  if (meanMs >= 0) {
    const errorMs = meanMs - tookMs;
    series.compared.inc();
    series.observed.inc(tookMs / 1_000);
    (errorMs >= 0 ? series.over : series.under).inc(Math.abs(errorMs) / 1_000);
  }
  if (p90Ms >= 0) (tookMs <= p90Ms ? series.within : series.above).inc();
}
