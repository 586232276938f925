import type { Metric, Registry } from "prom-client";
import { BucketCounts } from "./bucket-counts.ts";

/** Seconds: a decision without plugins takes some µs, a budget is some ms. */
const bounds = Float64Array.of(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1);

/** Durations under one set of labels. */
export interface DurationSeries {
  /** @param seconds ≥ 0. */
  observe(seconds: number): void;
}

/** A histogram of durations for the request path. */
export interface DurationHistogram {
  /** Makes the series of these labels; to be kept by who observes. */
  series(labels: Readonly<Record<string, string>>): DurationSeries;
}

/**
 * Registers a histogram whose observation costs some ns, where the library's looks up and copies labels each time; it is
 * the library that writes it.
 */
export function createDurationHistogram(registry: Registry, name: string, help: string): DurationHistogram {
  const all: { readonly labels: Readonly<Record<string, string>>; readonly counts: BucketCounts }[] = [];
  const metric = {
    name,
    help,
    type: "histogram",
    get: async () => ({
      name,
      help,
      type: "histogram",
      values: all.flatMap(({ labels, counts }) => counts.values(name, labels)),
    }),
    reset: () => all.splice(0),
  };
  registry.registerMetric(metric as unknown as Metric);
  return {
    series(labels) {
      const counts = new BucketCounts(bounds);
      all.push({ labels, counts });
      return counts;
    },
  };
}
