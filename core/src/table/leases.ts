import type { EndpointTable } from "./types.ts";
import { type UnwatchedLease, UnwatchedLeases } from "./unwatched-leases.ts";

/** What one request sent to an endpoint adds to its in-flight counts until it is done. */
export interface Lease {
  /** Endpoint the request was sent to. */
  readonly slot: number;
  /** Clock when it was opened, Unix ms. */
  readonly openedAtMs: number;
  /** The first token came: its prompt tokens are done. Further calls do nothing. */
  firstToken(): void;
  /** The request is done: all it added is taken back. Further calls do nothing. */
  end(): void;
  /**
   * Nobody will see the response. The lease ends by itself with the second scrape of its endpoint since it was opened:
   * that one began behind the pick, so the scraped values have the request. It ends sooner where the endpoint leaves,
   * and at the latest by {@link Leases.sweep}.
   */
  letGo(): void;
}

/** What leases need of their table. */
export type LeasedTable = Pick<EndpointTable, "inflight" | "onPublish" | "scrapes">;

/** Longest time that a lease counts which was let go, in ms: its endpoint may not be scraped at all. */
export const unwatchedLeaseMs = 300_000;
/** Scrapes behind the pick until its load is in the values: the first may have begun before it. */
const scrapesUntilSeen = 2;

/** The leases of a table. Its slots are not reused before the leases on them have ended. */
export interface Leases {
  /**
   * Counts a request sent to an endpoint.
   * @param slot a slot of a snapshot that the table's ring still has.
   * @param promptTokens tokens to compute before the first one is out; what is no number counts as 0.
   * @param outputTokens tokens expected of the answer; what is no number counts as 0.
   * @param onExpired called when the lease ends by itself, and not by {@link Lease.end}.
   */
  open(slot: number, promptTokens: number, outputTokens: number, nowMs: number, onExpired?: () => void): Lease;
  /**
   * Ends leases opened more than `maxAgeMs` before `nowMs`, those that were let go after {@link unwatchedLeaseMs};
   * returns how many.
   */
  sweep(nowMs: number, maxAgeMs: number): number;
  /** Leases that have not ended. */
  count(): number;
}

/** Leases that count on a table's in-flight columns. */
export function createLeases(table: LeasedTable): Leases {
  return new TableLeases(table);
}

class TableLeases implements Leases {
  readonly #table: LeasedTable;
  /** Sums in 64 bits, exact for whole tokens; the columns hold them rounded. */
  #requests: Float64Array = new Float64Array(0);
  #promptTokens: Float64Array = new Float64Array(0);
  #outputTokens: Float64Array = new Float64Array(0);
  /** The leases in the order they were opened. */
  readonly #open = new Set<SlotLease>();
  readonly #unwatched: UnwatchedLeases;

  constructor(table: LeasedTable) {
    this.#table = table;
    this.#unwatched = new UnwatchedLeases((slot) => table.scrapes(slot));
    table.onPublish((_, { removedSlots }) => this.#unwatched.endDue(removedSlots));
  }

  open(slot: number, promptTokens: number, outputTokens: number, nowMs: number, onExpired?: () => void): Lease {
    this.#reserve(slot);
    const dueScrapes = this.#table.scrapes(slot) + scrapesUntilSeen;
    const [prompt, output] = [toTokens(promptTokens), toTokens(outputTokens)];
    const lease = new SlotLease(this, slot, nowMs, prompt, output, dueScrapes, onExpired);
    this.#open.add(lease);
    this.add(slot, 1, lease.promptTokens, lease.outputTokens);
    return lease;
  }

  sweep(nowMs: number, maxAgeMs: number): number {
    const before = this.#open.size;
    this.#unwatched.endDue();
    for (const lease of this.#open) {
      const limitMs = lease.isUnwatched ? Math.min(maxAgeMs, unwatchedLeaseMs) : maxAgeMs;
      if (nowMs - lease.openedAtMs > limitMs) lease.expire();
    }
    return before - this.#open.size;
  }

  count(): number {
    return this.#open.size;
  }

  add(slot: number, requests: number, promptTokens: number, outputTokens: number): void {
    const columns = this.#table.inflight;
    columns.requests[slot] = this.#requests[slot] += requests;
    columns.promptTokens[slot] = this.#promptTokens[slot] += promptTokens;
    columns.outputTokens[slot] = this.#outputTokens[slot] += outputTokens;
  }

  close(lease: SlotLease): boolean {
    if (lease.isUnwatched) this.#unwatched.delete(lease);
    return this.#open.delete(lease);
  }

  letGo(lease: SlotLease): void {
    if (this.#open.has(lease)) this.#unwatched.add(lease);
  }

  #reserve(slot: number): void {
    const { length } = this.#table.inflight.requests;
    if (!(slot >= 0 && slot < length)) throw new RangeError(`no slot ${slot}: the table has ${length}`);
    if (length === this.#requests.length) return;
    this.#requests = enlarge(this.#requests, length);
    this.#promptTokens = enlarge(this.#promptTokens, length);
    this.#outputTokens = enlarge(this.#outputTokens, length);
  }
}

class SlotLease implements Lease, UnwatchedLease {
  readonly slot: number;
  readonly openedAtMs: number;
  readonly outputTokens: number;
  readonly dueScrapes: number;
  readonly #leases: TableLeases;
  readonly #onExpired: (() => void) | undefined;
  /** Prompt tokens it still counts. */
  promptTokens: number;
  isUnwatched = false;

  constructor(
    leases: TableLeases,
    slot: number,
    openedAtMs: number,
    promptTokens: number,
    outputTokens: number,
    dueScrapes: number,
    onExpired: (() => void) | undefined,
  ) {
    this.#leases = leases;
    this.slot = slot;
    this.openedAtMs = openedAtMs;
    this.promptTokens = promptTokens;
    this.outputTokens = outputTokens;
    this.dueScrapes = dueScrapes;
    this.#onExpired = onExpired;
  }

  firstToken(): void {
    const { promptTokens } = this;
    if (promptTokens === 0) return;
    this.promptTokens = 0;
    this.#leases.add(this.slot, 0, -promptTokens, 0);
  }

  end(): void {
    if (!this.#leases.close(this)) return;
    this.#leases.add(this.slot, -1, -this.promptTokens, -this.outputTokens);
    this.promptTokens = 0;
  }

  letGo(): void {
    if (this.isUnwatched) return;
    this.isUnwatched = true;
    this.#leases.letGo(this);
  }

  expire(): void {
    this.end();
    this.#onExpired?.();
  }
}

function toTokens(tokens: number): number {
  return tokens > 0 && Number.isFinite(tokens) ? Math.ceil(tokens) : 0;
}

function enlarge(source: Float64Array, length: number): Float64Array {
  const target = new Float64Array(length);
  target.set(source);
  return target;
}
