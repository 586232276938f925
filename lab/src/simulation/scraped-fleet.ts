import { createRandom, type EndpointTable } from "@outrider/core";
import {
  createDerivedValues,
  createEndpointRow,
  createEndpointSets,
  type EndpointRow,
  type EndpointSets,
  type HostConfig,
  type ScrapedPage,
  showTopology,
} from "@outrider/host";
import type { Scenario } from "../contract/index.ts";
import { addressOf, type Fleet } from "./fleet.ts";
import type { Instance } from "./instance.ts";
import { pageColumns } from "./server-page.ts";
import { epochMs, type VirtualClock } from "./virtual-clock.ts";

/** What fills the table is made of. */
export interface ScrapedFleetParts {
  readonly fleet: Fleet;
  readonly table: EndpointTable;
  readonly clock: VirtualClock;
  readonly scenario: Pick<Scenario, "scrapeIntervalMs" | "stalenessMs">;
  readonly settings: HostConfig["dataLayer"];
  /** 32 bits. */
  readonly seed: number;
}

/** A page that is on its way for as long as values are stale. */
interface TakenPage {
  readonly page: ScrapedPage;
  readonly atMs: number;
}

/** An endpoint of the table. */
interface Scraped {
  readonly row: EndpointRow;
  readonly sets: EndpointSets;
  readonly pages: TakenPage[];
  failures: number;
  /** Not asked before. */
  notBeforeMs: number;
  /** Process whose list of models is known. */
  listed: Instance | undefined;
}

const maxBackoffMs = 1_000;

/** The endpoint table of the fleet, as the data layer would fill it out of the servers' pages. */
export class ScrapedFleet {
  readonly #parts: ScrapedFleetParts;
  readonly #scraped = new Map<number, Scraped>();
  readonly #random: () => number;
  readonly #intervalMs: number;

  constructor(parts: ScrapedFleetParts) {
    const { scenario, settings, seed } = parts;
    this.#parts = parts;
    this.#random = createRandom(seed);
    this.#intervalMs = Math.max(scenario.scrapeIntervalMs, settings.metrics?.intervalMs ?? 0);
  }

  /** A server is there: an endpoint of the table, ready until its page cannot be had. */
  join(index: number): void {
    if (this.#scraped.has(index)) return;
    const { fleet, table, settings } = this.#parts;
    const { name, labels } = fleet.server(index);
    const slot = table.upsert(showTopology({ id: name, address: addressOf(index), labels }, settings.topology));
    const sets = createEndpointSets(table, slot);
    const { columns, derive } = createDerivedValues(pageColumns);
    const row = createEndpointRow({
      table,
      slot,
      columns: columns.map((key) => table.column(key)),
      derive,
      sets,
      intervalMs: () => this.#intervalMs,
      wasDown: false,
    });
    this.#scraped.set(index, { row, sets, pages: [], failures: 0, notBeforeMs: 0, listed: undefined });
    this.#publish();
  }

  /** A server is taken out of the table. */
  leave(index: number): void {
    const { fleet, table } = this.#parts;
    if (!this.#scraped.delete(index)) return;
    table.remove(fleet.server(index).name);
    this.#publish();
  }

  /** Scrapes all servers, again and again from now on. */
  start(): void {
    const { clock, settings } = this.#parts;
    if (settings.metrics === undefined && settings.models === undefined) return;
    const round = () => {
      for (const [index, scraped] of this.#scraped) this.#visit(index, scraped);
      this.#publish();
      clock.after(this.#intervalMs, round);
    };
    round();
  }

  #visit(index: number, scraped: Scraped): void {
    const { fleet, clock, settings } = this.#parts;
    const instance = fleet.instance(index);
    if (settings.metrics !== undefined && clock.atMs >= scraped.notBeforeMs) {
      if (instance?.isOpen === true) this.#take(instance, scraped);
      else this.#fail(scraped);
    }
    if (settings.models !== undefined && instance?.isOpen === true) list(instance, scraped);
    this.#deliver(scraped);
    scraped.row.check(clock.atMs);
  }

  #take(instance: Instance, scraped: Scraped): void {
    scraped.failures = 0;
    scraped.pages.push({ page: instance.page(), atMs: this.#parts.clock.atMs });
  }

  #fail(scraped: Scraped): void {
    const { clock } = this.#parts;
    scraped.pages.length = 0;
    const capMs = Math.min(maxBackoffMs, this.#intervalMs * 2 ** scraped.failures++);
    scraped.notBeforeMs = clock.atMs + capMs * (0.5 + 0.5 * this.#random());
    scraped.row.failed({ reason: "refused", detail: "connection refused" });
  }

  /** What is old enough is what the table says. */
  #deliver({ row, pages }: Scraped): void {
    const { clock, scenario } = this.#parts;
    for (let next = pages[0]; next !== undefined; next = pages[0]) {
      if (next.atMs + scenario.stalenessMs > clock.atMs) return;
      pages.shift();
      row.scraped(next.page, clock.atMs, Math.floor(epochMs + next.atMs));
    }
  }

  #publish(): void {
    const { table, clock } = this.#parts;
    table.publish(clock.nowMs());
  }
}

function list(instance: Instance, scraped: Scraped): void {
  if (scraped.listed === instance) return;
  scraped.listed = instance;
  const { model, adapters } = instance.server;
  if (model === undefined) return;
  scraped.sets.listed({ models: [model], adapters, bases: adapters.map((adapter) => `${adapter}=${model}`) });
}
