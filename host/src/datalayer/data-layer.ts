import { type CycleClock, type EndpointEntry, type EndpointTable, OutriderError } from "@outrider/core";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { EndpointSource } from "./endpoint-source.ts";
import { type EngineSpec, vllmSpec } from "./engine-specs.ts";
import { createDataLayerMetrics, type DataLayerGauges } from "./metrics.ts";
import { createPageBuffers } from "./page-buffers.ts";
import { type ConnectPages, createPageConnections } from "./page-connection.ts";
import { createScrapedEndpoint, type ScrapedEndpoint, type ScrapedEndpointContext } from "./scraped-endpoint.ts";
import { createScraper, type Scraper } from "./scraper.ts";

/** What a data layer needs. */
export interface DataLayerOptions {
  /** Table it writes and publishes; nobody else does. */
  readonly table: EndpointTable;
  /** Where endpoints come from; of several that name one id or address the first counts. */
  readonly sources: readonly EndpointSource[];
  /** Between two scrapes of one endpoint, in ms. */
  readonly intervalMs: number;
  readonly clock: CycleClock;
  /** Next number in [0, 1), for jitter. */
  random(): number;
  readonly logger: Logger;
  readonly registry: Registry;
  /** From the request for a page to the whole page, in ms; default 1 s. */
  readonly timeoutMs?: number;
  /** How the model servers name their metrics; default vLLM's. */
  readonly spec?: EngineSpec;
  /** How pages are fetched; default over HTTP/1.1, `/metrics`, at most 8 MB. */
  readonly connect?: ConnectPages;
}

/** Keeps the endpoint table: which endpoints there are, and what their model servers measure. */
export interface DataLayer {
  /**
   * Reads the sources, publishes the endpoints and begins to scrape them.
   * @throws {OutriderError} `ENDPOINTS_INVALID` with a line for each fault of all sources.
   */
  start(): Promise<void>;
  /** Ends all connections; the table stays as it is. */
  stop(): void;
}

const defaults = { timeoutMs: 1_000, path: "/metrics", maxPageBytes: 8 * 1024 * 1024 } as const;

/** A data layer at rest. */
export function createDataLayer(options: DataLayerOptions): DataLayer {
  return new Layer(options);
}

class Layer implements DataLayer {
  readonly #options: DataLayerOptions;
  readonly #context: ScrapedEndpointContext;
  readonly #scraper: Scraper;
  readonly #endpoints = new Map<string, ScrapedEndpoint>();
  /** Last good list of each source, in their order. */
  readonly #lists = new Map<EndpointSource, readonly EndpointEntry[]>();
  /** Sources whose last list could not be read. */
  readonly #faulty = new Set<EndpointSource>();

  constructor(options: DataLayerOptions) {
    const { table, clock, logger, registry, spec = vllmSpec, timeoutMs = defaults.timeoutMs } = options;
    this.#options = options;
    const metrics = createDataLayerMetrics(registry, this.#gauges());
    const intervalMs = () => options.intervalMs;
    this.#context = { table, spec, clock, logger, metrics, intervalMs };
    this.#scraper = createScraper({
      connect: options.connect ?? createPageConnections({ ...defaults, buffers: createPageBuffers() }),
      clock,
      random: options.random,
      intervalMs,
      timeoutMs,
      onRoundOver: () => void table.publish(clock.nowMs()),
    });
  }

  async start(): Promise<void> {
    const { sources } = this.#options;
    for (const source of sources) this.#lists.set(source, []);
    const results = await Promise.allSettled(sources.map((source) => this.#startSource(source)));
    const faults = results.filter((result) => result.status === "rejected").map(({ reason }) => reason);
    if (faults.length > 0) {
      this.stop();
      throw joinFaults(faults);
    }
    this.#apply();
    this.#scraper.start();
  }

  stop(): void {
    for (const source of this.#options.sources) source.stop();
    this.#scraper.stop();
  }

  async #startSource(source: EndpointSource): Promise<void> {
    const endpoints = await source.start({
      onEndpoints: (list) => {
        this.#lists.set(source, list);
        this.#faulty.delete(source);
        this.#options.logger.info({ source: source.name, endpoints: list.length }, "endpoints have changed");
        this.#apply();
      },
      onFault: (fault) => {
        this.#faulty.add(source);
        this.#options.logger.error({ source: source.name, code: fault.code }, `${fault.message}\nthe last list stays`);
      },
    });
    this.#lists.set(source, endpoints);
  }

  /** Brings the table to what the sources say now, and publishes it. */
  #apply(): void {
    const wanted = this.#union();
    for (const [id, { entry }] of [...this.#endpoints]) {
      const next = wanted.get(id);
      if (next === undefined) this.#remove(id);
      else if (next.address !== entry.address) this.#leave(id);
    }
    for (const entry of wanted.values()) this.#upsert(entry);
    this.#options.table.publish(this.#options.clock.nowMs());
  }

  /** Endpoints of all sources; of those with one id or address the first. */
  #union(): ReadonlyMap<string, EndpointEntry> {
    const byId = new Map<string, EndpointEntry>();
    const addresses = new Set<string>();
    for (const entry of [...this.#lists.values()].flat()) {
      if (byId.has(entry.id) || addresses.has(entry.address)) continue;
      byId.set(entry.id, entry);
      addresses.add(entry.address);
    }
    return byId;
  }

  #upsert(entry: EndpointEntry): void {
    try {
      const slot = this.#options.table.upsert(entry);
      if (this.#endpoints.has(entry.id)) return;
      const endpoint = createScrapedEndpoint(entry, slot, this.#context);
      this.#endpoints.set(entry.id, endpoint);
      this.#scraper.add(endpoint);
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      this.#options.logger.error({ endpoint: entry.id, code: error.code }, error.message);
    }
  }

  #remove(id: string): void {
    this.#leave(id);
    this.#options.table.remove(id);
  }

  /** Scrapes an endpoint no longer; it stays in the table. */
  #leave(id: string): void {
    this.#scraper.remove(this.#endpoints.get(id)!);
    this.#endpoints.delete(id);
  }

  #gauges(): DataLayerGauges {
    const { clock, sources } = this.#options;
    const pageTimes = () =>
      [...this.#endpoints.values()].filter(({ state }) => state === "ready").map(({ scrapedAtMs }) => scrapedAtMs);
    return {
      endpoints: () => {
        const counts = { ready: 0, unknown: 0, not_ready: 0 };
        for (const { state } of this.#endpoints.values()) counts[state] += 1;
        return counts;
      },
      oldestAgeMs: () => pageTimes().reduce((oldest, time) => Math.max(oldest, clock.elapsedMs() - time), 0),
      lastPageAtMs: () => {
        const last = pageTimes().reduce((newest, time) => Math.max(newest, time), -1);
        return last < 0 ? 0 : clock.nowMs() - clock.elapsedMs() + last;
      },
      sources: () => sources.map((source) => [source.name, !this.#faulty.has(source)] as const),
    };
  }
}

/** One error with the lines of all; anything unexpected as it is. */
function joinFaults(faults: readonly unknown[]): unknown {
  const unexpected = faults.find((fault) => !(fault instanceof OutriderError));
  if (unexpected !== undefined || faults.length === 1) return unexpected ?? faults[0];
  return new OutriderError("ENDPOINTS_INVALID", faults.map((fault) => (fault as OutriderError).message).join("\n"));
}
