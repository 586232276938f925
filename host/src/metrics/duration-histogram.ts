import type { Metric, Registry } from "prom-client";

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
  const all: CountedSeries[] = [];
  const metric = {
    name,
    help,
    type: "histogram",
    get: async () => ({ name, help, type: "histogram", values: all.flatMap((series) => series.values(name)) }),
    reset: () => all.splice(0),
  };
  registry.registerMetric(metric as unknown as Metric);
  return {
    series(labels) {
      const made = new CountedSeries(labels);
      all.push(made);
      return made;
    },
  };
}

class CountedSeries implements DurationSeries {
  readonly #labels: Readonly<Record<string, string>>;
  /** By the first bound that is not below; the last is for what is above all. */
  readonly #counts = new Float64Array(bounds.length + 1);
  #sum = 0;

  constructor(labels: Readonly<Record<string, string>>) {
    this.#labels = labels;
  }

  observe(seconds: number): void {
    let i = 0;
    while (i < bounds.length && seconds > bounds[i]) i++;
    this.#counts[i]++;
    this.#sum += seconds;
  }

  /** In the form of the library: cumulative buckets, sum, count. */
  values(name: string) {
    let count = 0;
    const buckets = Array.from(this.#counts, (added, i) => {
      count += added;
      const le = i < bounds.length ? bounds[i] : "+Inf";
      return { metricName: `${name}_bucket`, labels: { le, ...this.#labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: this.#labels, value: this.#sum },
      { metricName: `${name}_count`, labels: this.#labels, value: count },
    ];
  }
}
