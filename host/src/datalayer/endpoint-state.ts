import type { EndpointTable } from "@outrider/core";
import type { DerivedValues } from "./derived-values.ts";
import type { EndpointSets } from "./endpoint-sets.ts";
import type { ScrapedPage } from "./metrics-parser.ts";
import type { ScrapeFault } from "./scrape-fault.ts";

/** Whether an endpoint takes requests and whether its values are known. */
export type EndpointState = "ready" | "unknown" | "not_ready";

/** Keeps one endpoint's row of the table by what its scrapes bring. */
export interface EndpointRow {
  readonly state: EndpointState;
  /** When its last page came, monotonic ms; -1 = never. */
  readonly scrapedAtMs: number;
  /** A page has come. Returns whether it tells of a restart. */
  scraped(page: ScrapedPage, elapsedMs: number, nowMs: number): boolean;
  failed(fault: ScrapeFault): void;
  /** Time has passed: an endpoint that was scraped and has been silent for too long is not ready, its values unknown. */
  check(elapsedMs: number): void;
}

/** Refused connections in a row after which an endpoint is not ready. */
const maxRefusals = 3;

/** Longest time without a page, in ms, for endpoints scraped at this interval. */
export function silenceLimitMs(intervalMs: number): number {
  return Math.max(2_000, 3 * intervalMs);
}

/** What a row is made with. */
export interface EndpointRowParts {
  readonly table: EndpointTable;
  readonly slot: number;
  /** Numbers of the table's columns, in the order of what {@link derive} returns. */
  readonly columns: readonly number[];
  /** Values of the columns, of those of a page. */
  readonly derive: DerivedValues["derive"];
  readonly sets: EndpointSets;
  /** Between two scrapes, in ms. */
  intervalMs(): number;
  /** Whether the endpoint was not ready before: it stays so until something else than a refusal comes. */
  readonly wasDown: boolean;
}

/** The row of an endpoint, unknown; one that was not down is ready, since it may work as well without metrics. */
export function createEndpointRow(parts: EndpointRowParts): EndpointRow {
  const { table, slot, columns, derive, sets, intervalMs, wasDown } = parts;
  let refusals = wasDown ? maxRefusals : 0;
  let scrapedAtMs = -1;
  let silent = false;
  const restarts = createRestartDetector();
  const isReady = () => !silent && refusals < maxRefusals;
  table.setReady(slot, isReady());
  return {
    get state() {
      if (!isReady()) return "not_ready";
      return scrapedAtMs < 0 ? "unknown" : "ready";
    },
    get scrapedAtMs() {
      return scrapedAtMs;
    },
    scraped(page, elapsedMs, nowMs) {
      refusals = 0;
      silent = false;
      scrapedAtMs = elapsedMs;
      const restarted = restarts.see(page);
      if (restarted) table.restarted(slot);
      sets.scraped(page.sets);
      const values = derive(page.values, table.inflight.requests[slot], elapsedMs, restarted);
      table.setValues(slot, columns, values, nowMs);
      table.setReady(slot, true);
      return restarted;
    },
    failed({ reason }) {
      refusals = reason === "refused" ? refusals + 1 : 0;
      table.setReady(slot, isReady());
    },
    check(elapsedMs) {
      if (silent || scrapedAtMs < 0 || elapsedMs - scrapedAtMs < silenceLimitMs(intervalMs())) return;
      silent = true;
      table.forget(slot);
      table.setReady(slot, false);
    },
  };
}

/** A start that is later by less than this is the same one: some exporters compute it anew each time. */
const startToleranceS = 2;

/** Tells from pages in a row that the server was restarted. */
function createRestartDetector(): { see(page: ScrapedPage): boolean } {
  let startedAtS = Number.NaN;
  let counter = Number.NaN;
  return {
    see(page) {
      // Several processes behind one port tell their own starts in turn: only a later one than any is a restart.
      const later = page.startedAtS > startedAtS + startToleranceS;
      const fell = Number.isNaN(page.startedAtS) && page.counter < counter;
      if (Number.isNaN(startedAtS) || page.startedAtS > startedAtS) startedAtS = page.startedAtS;
      if (!Number.isNaN(page.counter)) counter = page.counter;
      return later || fell;
    },
  };
}
