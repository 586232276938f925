import type { CycleClock } from "@outrider/core";
import type { PageBuffers } from "./page-buffers.ts";
import { type ConnectPages, createPageConnections } from "./page-connection.ts";
import type { ReadPageTls } from "./read-page-tls.ts";
import type { IsWhole } from "./response-reader.ts";
import { createScraper, type Scraper, type ScrapeTarget } from "./scraper.ts";
import { defaultMetricsPage, type PageSettings } from "./settings.ts";

/** One page of all endpoints, fetched again and again; `undefined` settings fetch nothing. */
export interface PageRounds {
  add(target: ScrapeTarget): void;
  remove(target: ScrapeTarget): void;
  /**
   * Fetches it from now on as these settings say. Where only the interval differs, everything goes on.
   * @returns whether the page is another one: it is fetched from nobody then, until they are added again.
   */
  change(settings: PageSettings | undefined, tls: ReadPageTls): boolean;
  start(): void;
  stop(): void;
}

/** What a kind of page needs. */
export interface PageRoundsOptions {
  /** How it is fetched, in the place of HTTP; default over HTTP. */
  readonly connect: ConnectPages | undefined;
  /** Media type that is asked for. */
  readonly accept: string;
  readonly maxPageBytes: number;
  readonly isWhole?: IsWhole;
  readonly buffers: PageBuffers;
  readonly clock: CycleClock;
  random(): number;
  /** Between two rounds, in ms; a page with a longer interval is not fetched in all of them. */
  roundMs(settings: PageSettings): number;
  readonly timeoutMs: number;
  onRoundOver(): void;
}

/** A page that is fetched from nobody yet. */
export function createPageRounds(options: PageRoundsOptions): PageRounds {
  let settings: PageSettings | undefined;
  let key = "";
  let scraper: Scraper | undefined;
  let runs = false;
  const create = (tls: ReadPageTls) => {
    if (settings === undefined) return undefined;
    const { path, port } = settings;
    const roundMs = () => options.roundMs(settings ?? defaultMetricsPage);
    return createScraper({
      ...options,
      connect: options.connect ?? createPageConnections({ ...options, path, port, tls: tls.tls }),
      intervalMs: roundMs,
      restMs: () => settings?.intervalMs ?? 0,
    });
  };
  return {
    add: (target) => scraper?.add(target),
    remove: (target) => scraper?.remove(target),
    change(next, tls) {
      const nextKey = toKey(next, tls);
      settings = next;
      if (nextKey === key) return false;
      key = nextKey;
      scraper?.stop();
      scraper = create(tls);
      if (runs) scraper?.start();
      return true;
    },
    start() {
      runs = true;
      scraper?.start();
    },
    stop() {
      runs = false;
      scraper?.stop();
    },
  };
}

/** The same text for the same page. */
function toKey(settings: PageSettings | undefined, tls: ReadPageTls): string {
  if (settings === undefined) return "";
  const { scheme, path, port, insecureSkipVerify } = settings;
  return JSON.stringify([scheme, path, port, scheme === "https" && insecureSkipVerify, tls.fingerprint]);
}
