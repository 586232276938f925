import type { EndpointColumns, EndpointDirectory } from "./endpoints.ts";

/**
 * The endpoint table as one cycle sees it; never changes. All arrays are views of one SharedArrayBuffer, indexed by slot,
 * `slotCount` long.
 */
export interface EndpointSnapshot extends EndpointDirectory {
  /** Random number of the host's boot, 32 bits. */
  readonly epoch: number;
  /** Grows by one with each published snapshot, from 1. */
  readonly rev: number;
  /** The host's clock when it was published, Unix ms. */
  readonly takenAtMs: number;
  /** Slots in use, ascending. */
  readonly live: Uint32Array;
  /** 1 where the endpoint takes requests, by slot. */
  readonly ready: Uint8Array;
  /** Scraped columns; the in-flight ones are all 0 here, a cycle brings its own. */
  readonly columns: SnapshotColumns;
}

/** Columns of a snapshot with the time of each value. */
export interface SnapshotColumns extends EndpointColumns {
  /** Keys that are filled, canonical ones first, in a fixed order. */
  readonly keys: readonly string[];
  /** When each value of a column was measured, Unix ms, by slot; 0 where it never was. */
  measuredAtMs(key: string): Float64Array;
}
