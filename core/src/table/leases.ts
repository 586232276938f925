import type { EndpointTable } from "./types.ts";

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
}

/** The leases of a table. Its slots are not reused before the leases on them have ended. */
export interface Leases {
  /**
   * Counts a request sent to an endpoint.
   * @param slot a slot of a snapshot that the table's ring still has.
   * @param promptTokens tokens to compute before the first one is out; what is no number counts as 0.
   * @param outputTokens tokens expected of the answer; what is no number counts as 0.
   * @param onExpired called when {@link sweep} ends the lease, and then only.
   */
  open(slot: number, promptTokens: number, outputTokens: number, nowMs: number, onExpired?: () => void): Lease;
  /** Ends leases opened more than `maxAgeMs` before `nowMs`; returns how many. */
  sweep(nowMs: number, maxAgeMs: number): number;
  /** Leases that have not ended. */
  count(): number;
}

/** Leases that count on a table's in-flight columns. */
export function createLeases(table: Pick<EndpointTable, "inflight">): Leases {
  return new TableLeases(table);
}

class TableLeases implements Leases {
  readonly #table: Pick<EndpointTable, "inflight">;
  /** Sums in 64 bits, exact for whole tokens; the columns hold them rounded. */
  #requests: Float64Array = new Float64Array(0);
  #promptTokens: Float64Array = new Float64Array(0);
  #outputTokens: Float64Array = new Float64Array(0);
  /** The leases in the order they were opened. */
  readonly #open = new Set<SlotLease>();

  constructor(table: Pick<EndpointTable, "inflight">) {
    this.#table = table;
  }

  open(slot: number, promptTokens: number, outputTokens: number, nowMs: number, onExpired?: () => void): Lease {
    this.#reserve(slot);
    const lease = new SlotLease(this, slot, nowMs, toTokens(promptTokens), toTokens(outputTokens), onExpired);
    this.#open.add(lease);
    this.add(slot, 1, lease.promptTokens, lease.outputTokens);
    return lease;
  }

  sweep(nowMs: number, maxAgeMs: number): number {
    let swept = 0;
    for (const lease of this.#open) {
      if (nowMs - lease.openedAtMs <= maxAgeMs) continue;
      lease.expire();
      swept++;
    }
    return swept;
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
    return this.#open.delete(lease);
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

class SlotLease implements Lease {
  readonly slot: number;
  readonly openedAtMs: number;
  readonly outputTokens: number;
  readonly #leases: TableLeases;
  readonly #onExpired: (() => void) | undefined;
  /** Prompt tokens it still counts. */
  promptTokens: number;

  constructor(
    leases: TableLeases,
    slot: number,
    openedAtMs: number,
    promptTokens: number,
    outputTokens: number,
    onExpired: (() => void) | undefined,
  ) {
    this.#leases = leases;
    this.slot = slot;
    this.openedAtMs = openedAtMs;
    this.promptTokens = promptTokens;
    this.outputTokens = outputTokens;
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
