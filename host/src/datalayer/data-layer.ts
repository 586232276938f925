import { type CycleClock, type EndpointEntry, type EndpointTable, OutriderError } from "@outrider/core";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { checkColumns } from "./check-columns.ts";
import { type ChooseEngine, createEngineChoice } from "./choose-engine.ts";
import type { EndpointSource } from "./endpoint-source.ts";
import { createEndpointSources, type EndpointSources } from "./endpoint-sources.ts";
import { createFileSource } from "./file-source.ts";
import { createKnownEndpoint, describeAnew, type KnownEndpoint } from "./known-endpoint.ts";
import { createDataLayerMetrics, type DataLayerFaults, type DataLayerGauges } from "./metrics.ts";
import { createPageBuffers } from "./page-buffers.ts";
import type { ConnectPages } from "./page-connection.ts";
import { createPageRounds, type PageRounds } from "./page-rounds.ts";
import { type ReadPageTls, readPageTls } from "./read-page-tls.ts";
import type { ScrapedEndpointContext } from "./scraped-endpoint.ts";
import { type DataLayerSettings, type DiscoverySettings, defaultDataLayer, type PageSettings } from "./settings.ts";
import { showTopology } from "./show-topology.ts";

/** What a data layer needs. */
export interface DataLayerOptions {
  /** Table it writes and publishes; nobody else does. */
  readonly table: EndpointTable;
  /** What the configuration says; default {@link defaultDataLayer}. */
  readonly settings?: DataLayerSettings;
  /**
   * Where endpoints come from, unless the settings name a file of them; of several that name one id or address the
   * first counts.
   */
  readonly sources: readonly EndpointSource[];
  /** Between two scrapes of one endpoint where the settings name no longer time, in ms. */
  readonly intervalMs: number;
  readonly clock: CycleClock;
  /** Next number in [0, 1), for jitter. */
  random(): number;
  readonly logger: Logger;
  readonly registry: Registry;
  /** From the request for a page to the whole page, in ms; default 1 s. */
  readonly timeoutMs?: number;
  /** How pages are fetched; default over HTTP/1.1. */
  readonly connect?: ConnectPages;
}

/** New settings, read and checked, that are not in force. */
export interface PreparedSettings {
  /** Puts them in force as a whole, at once. */
  apply(): void;
  /** Lets go of them. */
  discard(): void;
}

/** Keeps the endpoint table: which endpoints there are, and what their model servers measure and serve. */
export interface DataLayer {
  /** What came to nothing so far; counts on. */
  readonly faults: DataLayerFaults;
  /**
   * Reads the sources, publishes the endpoints and begins to fetch their pages.
   * @throws {OutriderError} `ENDPOINTS_INVALID` with a line for each fault of all sources; `CONFIG_INVALID` for
   *   certificates that cannot be read and for more columns than a table has.
   */
  start(): Promise<void>;
  /**
   * Reads the files that new settings name. To be applied or discarded before others are prepared.
   * @throws {OutriderError} as {@link DataLayer.start}; what is in force stays so.
   */
  prepare(settings: DataLayerSettings): Promise<PreparedSettings>;
  /** Prepares settings and applies them. What is known of a page that stays the same stays known. */
  change(settings: DataLayerSettings): Promise<void>;
  /** Ends all connections; the table stays as it is. */
  stop(): void;
}

const defaultTimeoutMs = 1_000;
const mib = 1024 * 1024;
/** Between two looks which endpoint's list of models is due: an endpoint that is new waits no longer for its first. */
const longestListRoundMs = 250;

/** A data layer at rest. */
export function createDataLayer(options: DataLayerOptions): DataLayer {
  return new Layer(options);
}

/** What settings came to. */
interface InForce {
  readonly settings: DataLayerSettings;
  readonly choose: ChooseEngine;
  readonly sources: EndpointSources;
}

class Layer implements DataLayer {
  readonly faults: DataLayerFaults;
  readonly #options: DataLayerOptions;
  readonly #context: ScrapedEndpointContext;
  readonly #metrics: PageRounds;
  readonly #models: PageRounds;
  readonly #endpoints = new Map<string, KnownEndpoint>();
  #inForce: InForce | undefined;

  constructor(options: DataLayerOptions) {
    const { table, clock, random, logger, registry, intervalMs, connect, timeoutMs = defaultTimeoutMs } = options;
    this.#options = options;
    const metrics = createDataLayerMetrics(registry, this.#gauges());
    this.faults = metrics.faults;
    this.#context = { table, clock, logger, metrics, intervalMs: () => this.#intervalMs() };
    const buffers = createPageBuffers();
    const onRoundOver = () => void table.publish(clock.nowMs());
    const common = { connect, buffers, clock, random: () => random(), timeoutMs, onRoundOver };
    const plain = "text/plain;version=0.0.4";
    this.#metrics = createPageRounds({ ...common, accept: plain, maxPageBytes: 8 * mib, roundMs: () => intervalMs });
    const roundMs = (lists: PageSettings) => Math.max(intervalMs, Math.min(lists.intervalMs, longestListRoundMs));
    const isWhole = () => true; // JSON tells its own end.
    this.#models = createPageRounds({ ...common, accept: "application/json", maxPageBytes: mib, isWhole, roundMs });
  }

  async start(): Promise<void> {
    const prepared = await this.prepare(this.#options.settings ?? defaultDataLayer);
    prepared.apply();
    this.#metrics.start();
    this.#models.start();
  }

  async change(settings: DataLayerSettings): Promise<void> {
    (await this.prepare(settings)).apply();
  }

  async prepare(settings: DataLayerSettings): Promise<PreparedSettings> {
    checkColumns(settings.engines.engines, this.#options.table.current.columns.keys);
    const choose = createEngineChoice(settings.engines);
    const { metrics, models } = settings;
    const [metricsTls, modelsTls] = await Promise.all([readPageTls(metrics), readPageTls(models)]);
    const before = this.#inForce;
    const keeps = before !== undefined && isSameFile(before.settings.discovery, settings.discovery);
    const sources = keeps ? before.sources : this.#createSources(settings.discovery);
    if (!keeps) await sources.start();
    return {
      apply: () => this.#apply({ settings, choose, sources }, metricsTls, modelsTls),
      discard: () => {
        if (!keeps) sources.stop();
      },
    };
  }

  stop(): void {
    this.#inForce?.sources.stop();
    this.#metrics.stop();
    this.#models.stop();
  }

  #createSources(discovery: DiscoverySettings | undefined): EndpointSources {
    const { sources, clock, logger } = this.#options;
    if (discovery === undefined && sources.length === 0) {
      const remedy = "write --endpoints 127.0.0.1:8001, or --endpoints-file FILE, or dataLayer.discovery";
      throw new OutriderError("ENDPOINTS_INVALID", `there are no endpoints (${remedy})`);
    }
    if (discovery !== undefined && sources.length > 0) {
      logger.warn({ file: discovery.path }, "the configuration names a file of endpoints: those of flags do not count");
    }
    const chosen = discovery === undefined ? sources : [createFileSource(discovery.path, clock, discovery.watch)];
    const created = createEndpointSources(chosen, logger, () => {
      if (this.#inForce?.sources === created) this.#follow(false);
    });
    return created;
  }

  #apply(next: InForce, metricsTls: ReadPageTls, modelsTls: ReadPageTls): void {
    const before = this.#inForce;
    if (before !== undefined && before.sources !== next.sources) before.sources.stop();
    this.#inForce = next;
    const { metrics, models } = next.settings;
    const isOtherMetrics = this.#metrics.change(metrics, metricsTls);
    const isOtherModels = this.#models.change(models, modelsTls);
    this.#follow(isOtherMetrics && before !== undefined);
    if (!isOtherModels) return;
    for (const { listed, sets } of this.#endpoints.values()) {
      if (models === undefined) sets.unlisted();
      // Those that came just now are there already.
      this.#models.remove(listed);
      this.#models.add(listed);
    }
    this.#publish();
  }

  /** Brings the table to what the sources say now, and publishes it. */
  #follow(isOtherPage: boolean): void {
    const { sources, settings } = this.#inForce!;
    const wanted = sources.endpoints();
    for (const [id, { entry }] of [...this.#endpoints]) {
      const next = wanted.get(id);
      if (next === undefined) this.#remove(id);
      else if (next.address !== entry.address) this.#leave(id);
    }
    for (const entry of wanted.values()) this.#upsert(showTopology(entry, settings.topology), isOtherPage);
    this.#publish();
  }

  #upsert(entry: EndpointEntry, isOtherPage: boolean): void {
    try {
      const slot = this.#options.table.upsert(entry);
      const known = this.#endpoints.get(entry.id);
      if (known === undefined) this.#add(entry, slot);
      else this.#describe(known, entry, isOtherPage);
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      this.#options.logger.error({ endpoint: entry.id, code: error.code }, error.message);
    }
  }

  #add(entry: EndpointEntry, slot: number): void {
    const known = createKnownEndpoint(entry, slot, this.#inForce!.choose, this.#context);
    this.#endpoints.set(entry.id, known);
    this.#metrics.add(known.scraped);
    this.#models.add(known.listed);
  }

  #describe(known: KnownEndpoint, entry: EndpointEntry, isOtherPage: boolean): void {
    const next = describeAnew(known, entry, isOtherPage, this.#inForce!.choose, this.#context);
    this.#endpoints.set(entry.id, next);
    if (next.scraped === known.scraped) return;
    this.#metrics.remove(known.scraped);
    this.#metrics.add(next.scraped);
  }

  #remove(id: string): void {
    this.#leave(id);
    this.#options.table.remove(id);
  }

  /** Fetches nothing of an endpoint any longer; it stays in the table. */
  #leave(id: string): void {
    const { scraped, listed } = this.#endpoints.get(id)!;
    this.#metrics.remove(scraped);
    this.#models.remove(listed);
    this.#endpoints.delete(id);
  }

  #publish(): void {
    this.#options.table.publish(this.#options.clock.nowMs());
  }

  #intervalMs(): number {
    return Math.max(this.#options.intervalMs, this.#inForce?.settings.metrics?.intervalMs ?? 0);
  }

  #gauges(): DataLayerGauges {
    const { clock } = this.#options;
    const scraped = () => [...this.#endpoints.values()].map((known) => known.scraped);
    const pageTimes = () =>
      scraped()
        .filter(({ state }) => state === "ready")
        .map(({ scrapedAtMs }) => scrapedAtMs);
    return {
      endpoints: () => {
        const counts = { ready: 0, unknown: 0, not_ready: 0 };
        for (const { state } of scraped()) counts[state] += 1;
        return counts;
      },
      oldestAgeMs: () => pageTimes().reduce((oldest, time) => Math.max(oldest, clock.elapsedMs() - time), 0),
      lastPageAtMs: () => {
        const last = pageTimes().reduce((newest, time) => Math.max(newest, time), -1);
        return last < 0 ? 0 : clock.nowMs() - clock.elapsedMs() + last;
      },
      sources: () => this.#inForce?.sources.states() ?? [],
    };
  }
}

function isSameFile(one: DiscoverySettings | undefined, other: DiscoverySettings | undefined): boolean {
  return one?.path === other?.path && one?.watch === other?.watch;
}
