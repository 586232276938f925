import type { Metric, Registry } from "prom-client";

/** A count under one set of labels. */
export interface CounterSeries {
  /** @param count default 1. */
  inc(count?: number): void;
}

/** A counter for the request path. */
export interface PlainCounter {
  /** Makes the series of these labels, which begins at 0; to be kept by who counts. */
  series(labels: Readonly<Record<string, string>>): CounterSeries;
}

/**
 * Registers a counter that costs an addition, where the library's looks its labels up each time; it is the library that
 * writes it.
 */
export function createPlainCounter(registry: Registry, name: string, help: string): PlainCounter {
  const values: { readonly labels: Readonly<Record<string, string>>; value: number }[] = [];
  const get = async () => ({ name, help, type: "counter", values });
  const metric = { name, help, type: "counter", get, reset: () => values.splice(0) };
  registry.registerMetric(metric as unknown as Metric);
  return {
    series(labels) {
      const counted = { labels, value: 0 };
      values.push(counted);
      return {
        inc(count = 1) {
          counted.value += count;
        },
      };
    },
  };
}
