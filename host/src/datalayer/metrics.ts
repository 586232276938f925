import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { EndpointState } from "./endpoint-state.ts";
import type { FaultReason } from "./scrape-fault.ts";

/** Fetches of one kind of page so far that came to nothing. */
export interface PageFaults {
  /** No page came. */
  readonly unfetched: number;
  /** One came that could not be read, or not whole. */
  readonly unread: number;
}

/** Faults so far, by the page that was fetched. */
export interface DataLayerFaults {
  readonly metrics: PageFaults;
  readonly models: PageFaults;
}

/** What the data layer counts. */
export interface DataLayerMetrics {
  /** Counts on. */
  readonly faults: DataLayerFaults;
  /** A page came, `durationMs` after it was asked for. */
  scraped(durationMs: number): void;
  failed(reason: FaultReason): void;
  /** Lines of interest of one page that broke the format. */
  unreadable(lines: number): void;
  restarted(): void;
  /** A list of models came. */
  listed(): void;
  listFailed(reason: FaultReason): void;
}

/** Values that are read when the metrics are scraped. */
export interface DataLayerGauges {
  /** Number of endpoints in each state. */
  endpoints(): Readonly<Record<EndpointState, number>>;
  /** Age of the oldest page in force, in ms; 0 where there is none. */
  oldestAgeMs(): number;
  /** When the last page came, Unix ms; 0 = never. */
  lastPageAtMs(): number;
  /** Whether the list of each source is in force as it was read last. */
  sources(): readonly (readonly [name: string, inForce: boolean])[];
}

/** Durations held back at most. */
const heldDurations = 512;

/** Registers the data layer's metrics. */
export function createDataLayerMetrics(registry: Registry, gauges: DataLayerGauges): DataLayerMetrics {
  const registers = [registry];
  // Put into the histogram many at once: one at a time each is dearer than all else that a page leads to.
  const durations: number[] = [];
  const duration = new Histogram({
    name: "outrider_scrape_duration_seconds",
    help: "Request for a metrics page to the page.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers,
    collect: () => flush(),
  });
  const flush = () => {
    for (const durationMs of durations.splice(0)) duration.observe(durationMs / 1_000);
  };
  const errors = new Counter({
    name: "outrider_scrape_errors_total",
    help: "Scrapes that brought no values.",
    labelNames: ["reason"],
    registers,
  });
  const unreadable = new Counter({
    name: "outrider_scrape_unreadable_lines_total",
    help: "Lines of interest on metrics pages that break the format.",
    registers,
  });
  const restarts = new Counter({
    name: "outrider_endpoint_restarts_total",
    help: "Restarts of model servers that their pages told of.",
    registers,
  });
  const lists = new Counter({
    name: "outrider_model_lists_total",
    help: "Lists of models that came from endpoints.",
    registers,
  });
  const listErrors = new Counter({
    name: "outrider_model_list_errors_total",
    help: "Requests for an endpoint's list of models that brought none; the last one stays.",
    labelNames: ["reason"],
    registers,
  });
  registerGauges(registry, gauges);
  const faults = { metrics: { unfetched: 0, unread: 0 }, models: { unfetched: 0, unread: 0 } };
  const count = (page: keyof DataLayerFaults, reason: FaultReason) => {
    faults[page][reason === "invalid" ? "unread" : "unfetched"]++;
  };
  return {
    faults,
    scraped(durationMs) {
      if (durations.push(durationMs) >= heldDurations) flush();
    },
    failed(reason) {
      errors.inc({ reason });
      count("metrics", reason);
    },
    unreadable(lines) {
      unreadable.inc(lines);
      faults.metrics.unread++;
    },
    restarted: () => restarts.inc(),
    listed: () => lists.inc(),
    listFailed(reason) {
      listErrors.inc({ reason });
      count("models", reason);
    },
  };
}

function registerGauges(registry: Registry, gauges: DataLayerGauges): void {
  const registers = [registry];
  new Gauge({
    name: "outrider_endpoints",
    help: "Endpoints by state: ready; unknown = ready, never scraped; not_ready.",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(gauges.endpoints())) this.set({ state }, count);
    },
  });
  new Gauge({
    name: "outrider_scrape_age_seconds",
    help: "Age of the oldest metrics page whose values are in force.",
    registers,
    collect() {
      this.set(gauges.oldestAgeMs() / 1_000);
    },
  });
  new Gauge({
    name: "outrider_last_scrape_timestamp_seconds",
    help: "When the last metrics page came, Unix time; 0 = never.",
    registers,
    collect() {
      this.set(gauges.lastPageAtMs() / 1_000);
    },
  });
  new Gauge({
    name: "outrider_endpoint_source_in_force",
    help: "1 where a source's list is in force as it was read last, 0 where the last good one stays.",
    labelNames: ["source"],
    registers,
    collect() {
      for (const [source, inForce] of gauges.sources()) this.set({ source }, inForce ? 1 : 0);
    },
  });
}
