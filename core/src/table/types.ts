import type { EndpointChange, EndpointSnapshot, InflightColumns } from "../contract/index.ts";
import type { SlotHolder } from "./slots.ts";

/** Limits of a table; part of the plugin contract. */
export const tableLimits = { slots: 8_192, columns: 64 } as const;

/** How a table is made. */
export interface EndpointTableOptions {
  /** Random number of the host's boot, 32 bits. */
  readonly epoch: number;
  /** Keys of further columns, such as `metric.my_gauge`; default none. */
  readonly extraColumns?: readonly string[];
  /** Snapshots kept for {@link EndpointTable.at}; default 16. A decision must not outlive that many. */
  readonly ringSize?: number;
}

/** One endpoint as its source names it. */
export interface EndpointEntry {
  /** Name in its source; stable while the endpoint lives. */
  readonly id: string;
  /** `ip:port`, an IPv6 address in brackets. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Sets known from the start; default those it has. */
  readonly sets?: Readonly<Record<string, readonly string[]>>;
}

/** Hears of a published snapshot, what changed in it, and the one before. */
export type PublishListener = (snapshot: EndpointSnapshot, change: EndpointChange, previous: EndpointSnapshot) => void;

/**
 * The endpoints and what is known of them, written by the data layer and read as snapshots. What is written to a slot
 * that no endpoint has is dropped.
 */
export interface EndpointTable {
  /** The last published snapshot; before the first an empty one of revision 0. */
  readonly current: EndpointSnapshot;
  /** Live counts of what the host has sent; longer than the slot space, and other arrays when that grows. */
  readonly inflight: InflightColumns;
  /**
   * Adds an endpoint, not ready and with everything unknown, or changes it. At another address it is another process:
   * restarted, with everything unknown.
   * @returns its slot, the same while it stays.
   * @throws {OutriderError} `ENDPOINTS_INVALID` when all slots are taken.
   */
  upsert(entry: EndpointEntry): number;
  /** Takes an endpoint out. False where there is none of that id. */
  remove(id: string): boolean;
  /** Slot of an endpoint; -1 where there is none of that id. */
  slotOf(id: string): number;
  /** Replaces the sets named, such as `models`; the others stay. */
  setSets(slot: number, sets: Readonly<Record<string, readonly string[]>>): void;
  /** The sets named are no longer known. */
  forgetSets(slot: number, names: readonly string[]): void;
  /** The endpoint was restarted: its caches are empty. */
  restarted(slot: number): void;
  /** Number of a key's column, for {@link setValues}; the key gets one where it has none. */
  column(key: string): number;
  /** Sets a value as measured at `atMs`, Unix ms; `NaN` makes it unknown. */
  setValue(slot: number, key: string, value: number, atMs: number): void;
  /** As {@link setValue} for one scrape: `values[i]` goes to the column of number `columns[i]`. */
  setValues(slot: number, columns: readonly number[], values: ArrayLike<number>, atMs: number): void;
  /** Scrapes of a slot's endpoints so far: grows with each {@link setValues}, and never falls. */
  scrapes(slot: number): number;
  /** Makes every measured value of the endpoint unknown. */
  forget(slot: number): void;
  /** Whether the endpoint takes requests. */
  setReady(slot: number, ready: boolean): void;
  /** Publishes what has changed; the same snapshot where nothing has. */
  publish(nowMs: number): EndpointSnapshot;
  /** Snapshot of a revision, while the ring has it. */
  at(rev: number): EndpointSnapshot | undefined;
  /** Calls `listener` on each new snapshot until the returned function is called. */
  onPublish(listener: PublishListener): () => void;
  /** Somebody who keeps the table by slots and knows {@link current}. */
  addHolder(): SlotHolder;
}
