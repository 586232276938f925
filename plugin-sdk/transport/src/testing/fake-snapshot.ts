import type { ColumnKey, EndpointInfo, EndpointSnapshot, SnapshotColumns } from "@outrider/core/contract";
import { CallColumns, isInflightKey } from "../call-columns.ts";
import { type TimedColumn, toVersion, unknownColumn } from "../table-version.ts";

/** An endpoint as a test writes it: values by column key, everything else made up. */
export type FakeEndpoint = Partial<EndpointInfo> & {
  readonly [key in ColumnKey | `metric.${string}` | `rate.${string}`]?: number;
} & {
  /** Age of all its values when the snapshot was taken, in ms; default 0. */
  readonly ageMs?: number;
};

/** What a snapshot is made of; everything has a default. */
export interface FakeSnapshotOptions {
  /** Default 1. */
  readonly epoch?: number;
  /** Default one more than that of the snapshot before. */
  readonly rev?: number;
  /** Unix ms; default the first of January 2026. */
  readonly takenAtMs?: number;
}

/** When made-up snapshots are taken unless said otherwise, Unix ms. */
export const fakeNowMs = Date.UTC(2026, 0, 1);

let lastRev = 0;

/** A snapshot over a literal pool: endpoint i in slot i unless it names its slot. */
export function fakeSnapshot(pool: readonly FakeEndpoint[], options: FakeSnapshotOptions = {}): EndpointSnapshot {
  const { epoch = 1, rev = lastRev + 1, takenAtMs = fakeNowMs } = options;
  lastRev = rev;
  const slotCount = Math.max(0, ...pool.map(({ slot }, i) => (slot ?? i) + 1));
  const infos: (EndpointInfo | undefined)[] = Array.from({ length: slotCount }, () => undefined);
  const columns = new Map<string, TimedColumn>();
  pool.forEach((endpoint, i) => {
    const info = toInfo(endpoint, endpoint.slot ?? i);
    infos[info.slot] = info;
    for (const [key, value] of Object.entries(endpoint)) {
      if (typeof value !== "number" || notColumns.has(key) || isInflightKey(key)) continue;
      const column = columns.get(key) ?? unknownColumn(slotCount);
      columns.set(key, column);
      column.values[info.slot] = value;
      column.times[info.slot] = Number.isNaN(value) ? 0 : Math.floor(takenAtMs) - (endpoint.ageMs ?? 0);
    }
  });
  const version = toVersion({ epoch, rev, infos, columns });
  const { live, at } = version;
  const ready = Uint8Array.from(infos, (info) => (info === undefined ? 0 : 1));
  return {
    epoch,
    rev,
    takenAtMs,
    live,
    ready,
    slotCount,
    at,
    columns: snapshotColumns(version, [...columns.keys()], takenAtMs),
  };
}

const notColumns: ReadonlySet<string> = new Set(["slot", "incarnation", "ageMs"]);

function toInfo(endpoint: FakeEndpoint, slot: number): EndpointInfo {
  const { id = `pool/vllm-${slot}`, address = `10.0.${slot >> 8}.${slot & 255}:8000` } = endpoint;
  const { labels = {}, sets = {}, incarnation = 0 } = endpoint;
  return { slot, id, address, labels, sets, incarnation };
}

function snapshotColumns(
  version: ReturnType<typeof toVersion>,
  keys: readonly string[],
  takenAtMs: number,
): SnapshotColumns {
  const idle = new Float32Array(version.slotCount);
  const columns = new CallColumns(version, { requests: idle, promptTokens: idle, outputTokens: idle }, takenAtMs);
  return Object.assign(columns, { keys, measuredAtMs: version.measuredAtMs });
}
