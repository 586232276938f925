import { type CycleClock, type EndpointEntry, type EndpointTable, OutriderError } from "@outrider/core";
import type { Logger } from "pino";
import { createDerivedValues } from "./derived-values.ts";
import type { EndpointSets } from "./endpoint-sets.ts";
import { createEndpointRow, type EndpointState } from "./endpoint-state.ts";
import type { EngineSpec } from "./engine-spec.ts";
import type { DataLayerMetrics } from "./metrics.ts";
import { createMetricsParser, type ScrapedPage } from "./metrics-parser.ts";
import type { ScrapeFault } from "./scrape-fault.ts";
import type { ScrapeTarget } from "./scraper.ts";

/** An endpoint of the table that is scraped. */
export interface ScrapedEndpoint extends ScrapeTarget {
  readonly entry: EndpointEntry;
  readonly state: EndpointState;
  /** When its last page came, monotonic ms; -1 = never. */
  readonly scrapedAtMs: number;
}

/** Where an endpoint's scrapes go. */
export interface ScrapedEndpointPlace {
  readonly slot: number;
  readonly sets: EndpointSets;
  /** How its page names what is read. */
  readonly spec: EngineSpec;
  /** Whether it was not ready so far. */
  readonly wasDown: boolean;
}

/** What all of them have in common. */
export interface ScrapedEndpointContext {
  readonly table: EndpointTable;
  readonly clock: CycleClock;
  readonly logger: Logger;
  readonly metrics: DataLayerMetrics;
  /** Between two scrapes of one endpoint, in ms. */
  intervalMs(): number;
}

/** What the scrapes of an endpoint come to: its row of the table, metrics, and a line in the log at a change. */
export function createScrapedEndpoint(
  entry: EndpointEntry,
  { slot, sets, spec, wasDown }: ScrapedEndpointPlace,
  { table, clock, logger, metrics, intervalMs }: ScrapedEndpointContext,
): ScrapedEndpoint {
  const parser = createMetricsParser(spec);
  const derived = createDerivedValues(parser.columns);
  const columns = derived.columns.map((key) => table.column(key));
  const row = createEndpointRow({ table, slot, columns, derive: derived.derive, sets, intervalMs, wasDown });
  const log = logger.child({ endpoint: entry.id, address: entry.address });
  let shown: EndpointState = row.state;
  /** Fault that was logged last; empty = the last scrape brought a page. */
  let fault = "";

  const showState = () => {
    if (row.state === shown) return;
    if (row.state === "not_ready") log.warn({ fault }, "endpoint is not ready");
    else if (shown === "not_ready") log.info("endpoint is ready again");
    shown = row.state;
  };

  return {
    entry,
    address: entry.address,
    get state() {
      return row.state;
    },
    get scrapedAtMs() {
      return row.scrapedAtMs;
    },
    onPage(bytes, durationMs) {
      const page = parse(parser.parse, bytes);
      if ("reason" in page) return page;
      metrics.scraped(durationMs);
      if (page.unreadable > 0) metrics.unreadable(page.unreadable);
      if (row.scraped(page, clock.elapsedMs(), clock.nowMs())) {
        metrics.restarted();
        log.info("model server was restarted");
      }
      if (fault !== "") log.info("endpoint is scraped again");
      fault = "";
      showState();
      return undefined;
    },
    onFault(failure) {
      row.failed(failure);
      metrics.failed(failure.reason);
      if (failure.detail !== fault) log.warn({ reason: failure.reason }, `scrape failed: ${failure.detail}`);
      fault = failure.detail;
      showState();
    },
    onRound() {
      row.check(clock.elapsedMs());
      showState();
    },
  };
}

function parse(read: (page: Buffer) => ScrapedPage, bytes: Buffer): ScrapedPage | ScrapeFault {
  try {
    return read(bytes);
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    return { reason: "invalid", detail: `${error.code}: ${error.message}` };
  }
}
