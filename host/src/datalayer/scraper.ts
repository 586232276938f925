import type { CycleClock } from "@outrider/core";
import type { ConnectPages, PageConnection } from "./page-connection.ts";
import type { ScrapeFault } from "./scrape-fault.ts";

/** What the scraper tells of one endpoint. */
export interface ScrapeTarget {
  /** `ip:port`. */
  readonly address: string;
  /** A page has come, valid only during the call. Returns what is wrong with it, if anything. */
  onPage(page: Buffer, durationMs: number): ScrapeFault | undefined;
  /** A scrape has failed. */
  onFault(fault: ScrapeFault): void;
  /** Called once a round, whatever its scrapes do: what has been silent for too long may say so. */
  onRound(): void;
}

/** Fetches the page of every target again and again, one at a time each. */
export interface Scraper {
  /** Begins with a target at the next round. */
  add(target: ScrapeTarget): void;
  /** Leaves a target, at once. */
  remove(target: ScrapeTarget): void;
  start(): void;
  /** Ends all connections; no callback follows. */
  stop(): void;
}

/** What a scraper needs. */
export interface ScraperOptions {
  readonly connect: ConnectPages;
  readonly clock: CycleClock;
  /** Next number in [0, 1), for jitter. */
  random(): number;
  /** Between two scrapes of one endpoint, in ms; asked before each round, so that an idle pool may be left alone. */
  intervalMs(): number;
  /** Before a target that brought a page is asked again, in ms, where that is longer than a round; default 0. */
  restMs?(): number;
  /** From the request to the whole page, in ms. */
  readonly timeoutMs: number;
  /** A round is over: its pages have come, or have kept the others waiting for long enough. Once a round. */
  onRoundOver(): void;
}

/** Targets asked at once; more are spread over the round, so that their pages do not come in one long turn. */
const groupSize = 8;
/** Shortest time between two groups. */
const minGroupGapMs = 5;
const maxBackoffMs = 1_000;
/** Pages that a round has not seen after this share of the interval go with the next one. */
const graceShare = 0.2;

/** A scraper at rest. */
export function createScraper(options: ScraperOptions): Scraper {
  return new RoundScraper(options);
}

/** One endpoint's scrapes. */
interface Scrape {
  readonly target: ScrapeTarget;
  readonly connection: PageConnection;
  /** When the page that is due was asked for, monotonic ms; -1 = none is due. */
  askedAtMs: number;
  /** Round in which it was asked for. */
  round: number;
  failures: number;
  /** Not asked before, monotonic ms. */
  notBeforeMs: number;
}

class RoundScraper implements Scraper {
  readonly #options: ScraperOptions;
  readonly #scrapes = new Map<ScrapeTarget, Scrape>();
  /** Those that are still to be asked in this round. */
  #queue: Scrape[] = [];
  #round = 0;
  /** Scrapes of this round that are due. */
  #due = 0;
  #open = false;
  #timer: unknown;
  #graceTimer: unknown;

  constructor(options: ScraperOptions) {
    this.#options = options;
  }

  add(target: ScrapeTarget): void {
    const connection = this.#options.connect(target.address, {
      onPage: (page) => this.#settle(scrape, page),
      onFault: (fault) => this.#settle(scrape, fault),
    });
    const scrape: Scrape = { target, connection, askedAtMs: -1, round: 0, failures: 0, notBeforeMs: -Infinity };
    this.#scrapes.set(target, scrape);
  }

  remove(target: ScrapeTarget): void {
    const scrape = this.#scrapes.get(target);
    if (scrape === undefined) return;
    this.#scrapes.delete(target);
    this.#queue = this.#queue.filter((queued) => queued !== scrape);
    this.#abandon(scrape);
  }

  start(): void {
    this.#arm(0);
  }

  stop(): void {
    this.#options.clock.cancel(this.#timer);
    this.#options.clock.cancel(this.#graceTimer);
    this.#open = false;
    for (const target of [...this.#scrapes.keys()]) this.remove(target);
  }

  #arm(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => this.#tick());
  }

  /** Asks the next group; begins a round when all have been asked. */
  #tick(): void {
    const intervalMs = this.#options.intervalMs();
    if (this.#queue.length === 0) this.#beginRound();
    const nowMs = this.#options.clock.elapsedMs();
    const groupCount = Math.min(Math.ceil(this.#scrapes.size / groupSize), Math.floor(intervalMs / minGroupGapMs));
    const group = this.#queue.splice(0, Math.ceil(this.#scrapes.size / Math.max(groupCount, 1)));
    for (const scrape of group) this.#visit(scrape, nowMs);
    if (this.#queue.length === 0) this.#allAsked(intervalMs);
    const jitter = 0.9 + 0.2 * this.#options.random();
    this.#arm((jitter * intervalMs) / Math.max(groupCount, 1));
  }

  #beginRound(): void {
    this.#endRound();
    this.#open = true;
    this.#round += 1;
    this.#due = 0;
    this.#queue = [...this.#scrapes.values()];
  }

  #visit(scrape: Scrape, nowMs: number): void {
    if (scrape.askedAtMs >= 0 && nowMs - scrape.askedAtMs >= this.#options.timeoutMs) this.#timeOut(scrape);
    else if (scrape.askedAtMs < 0 && nowMs >= scrape.notBeforeMs) this.#ask(scrape, nowMs);
    scrape.target.onRound();
  }

  #ask(scrape: Scrape, nowMs: number): void {
    scrape.askedAtMs = nowMs;
    scrape.round = this.#round;
    this.#due += 1;
    scrape.connection.fetch();
  }

  #timeOut(scrape: Scrape): void {
    const { timeoutMs } = this.#options;
    const detail = scrape.connection.connected
      ? `no whole page in ${timeoutMs} ms`
      : `no connection in ${timeoutMs} ms`;
    const reason = scrape.connection.connected ? "timeout" : "refused";
    scrape.connection.close();
    this.#settle(scrape, { reason, detail });
  }

  #settle(scrape: Scrape, result: Buffer | ScrapeFault): void {
    const nowMs = this.#options.clock.elapsedMs();
    const { askedAtMs } = scrape;
    scrape.askedAtMs = -1;
    const fault = Buffer.isBuffer(result) ? scrape.target.onPage(result, nowMs - askedAtMs) : result;
    if (fault === undefined) {
      scrape.failures = 0;
      scrape.notBeforeMs = askedAtMs + this.#restMs();
    } else {
      scrape.notBeforeMs = nowMs + this.#backoffMs(scrape.failures++);
      scrape.target.onFault(fault);
    }
    this.#leave(scrape);
  }

  /** Not the same for all, so that targets that were added together spread with time. */
  #restMs(): number {
    const restMs = this.#options.restMs?.() ?? 0;
    return restMs <= this.#options.intervalMs() ? 0 : restMs * (0.95 + 0.1 * this.#options.random());
  }

  /** Doubling from the interval; between half of it and all, so that endpoints lost together do not return together. */
  #backoffMs(failures: number): number {
    const capMs = Math.min(maxBackoffMs, this.#options.intervalMs() * 2 ** failures);
    return capMs * (0.5 + 0.5 * this.#options.random());
  }

  /** A scrape of the round is no longer due. */
  #leave(scrape: Scrape): void {
    if (scrape.round !== this.#round || --this.#due > 0 || this.#queue.length > 0) return;
    this.#endRound();
  }

  #abandon(scrape: Scrape): void {
    const wasDue = scrape.askedAtMs >= 0;
    scrape.askedAtMs = -1;
    scrape.connection.close();
    if (wasDue) this.#leave(scrape);
  }

  #allAsked(intervalMs: number): void {
    if (this.#due === 0) this.#endRound();
    else this.#graceTimer = this.#options.clock.after(graceShare * intervalMs, () => this.#endRound());
  }

  #endRound(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.clock.cancel(this.#graceTimer);
    this.#options.onRoundOver();
  }
}
