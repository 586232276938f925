import type { EndpointSnapshot, InflightColumns } from "@outrider/core";
import type { EndpointChange } from "@outrider/core/contract";
import type { PushStateRequest } from "@outrider/protos/scorer";
import {
  createReplicatedTable,
  type DecodedColumn,
  fromBitmap,
  inflightColumn,
  isInflightKey,
  type NumberedKey,
} from "@outrider/transport";
import type { PluginTable, TableHolder } from "../plugins/plugin-link.ts";
import { toSnapshot } from "./to-snapshot.ts";

/** What came of a recorded chunk of state. */
export type StateStep =
  | { readonly kind: "pending" }
  /** It does not go on from what the recording has. */
  | { readonly kind: "unknown" }
  | { readonly kind: "published"; readonly snapshot: EndpointSnapshot; readonly change: EndpointChange };

/** The endpoint table of a recorded connection, in the place of a host's own. */
export class RecordedTable implements PluginTable {
  readonly #table = createReplicatedTable();
  #current: EndpointSnapshot;
  #inflight = emptyInflight(0);
  #keys: ReadonlyMap<number, string> = new Map();
  #isKnown = false;

  constructor() {
    this.#current = toSnapshot(this.#table.version, { rev: 0, takenAtMs: 0, keys: [] });
  }

  get current(): EndpointSnapshot {
    return this.#current;
  }

  get inflight(): InflightColumns {
    return this.#inflight;
  }

  /** Whether the recording has the whole table, so that calls can be put on it. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Revision that plugins of the recorded connection have. */
  get recordedRev(): number {
    return this.#table.version.rev;
  }

  /** Slots are the recording's; who keeps them need not be asked. */
  addHolder(): TableHolder {
    return { ackedRev: 0, close() {} };
  }

  /** A connection has been opened: its columns are these, and nothing of it is known. */
  open(columns: readonly NumberedKey[]): void {
    this.#keys = new Map(columns.map(({ id, key }) => [id, key]));
    this.#table.setColumns(columns);
    this.#inflight = emptyInflight(this.#current.slotCount);
    this.#isKnown = false;
  }

  /** @param ready endpoints that took requests, as a bitmap over slots; default all. */
  apply(chunk: PushStateRequest, ready?: Uint8Array): StateStep {
    if (!chunk.full && !this.#isKnown) return { kind: "unknown" };
    const outcome = this.#table.apply(chunk);
    if (outcome.kind === "pending") return outcome;
    this.#isKnown = outcome.kind === "applied";
    if (outcome.kind === "refused") return { kind: "unknown" };
    const keys = [...new Set(this.#keys.values())].filter((key) => !isInflightKey(key) && !key.startsWith("data."));
    const head = { rev: this.#current.rev + 1, takenAtMs: chunk.nowMs, keys, ready };
    this.#current = toSnapshot(this.#table.version, head);
    this.#inflight = copyInflight(this.#inflight, this.#current.slotCount);
    return { kind: "published", snapshot: this.#current, change: outcome.change };
  }

  /** Takes the in-flight values that travelled with calls; calls already put keep those that they saw. */
  applyInflight(columns: readonly DecodedColumn[]): void {
    if (columns.length === 0) return;
    this.#inflight = copyInflight(this.#inflight, this.#current.slotCount);
    for (const { column, slots, values } of columns) {
      const key = this.#keys.get(column);
      if (key === undefined || !isInflightKey(key)) continue;
      const target = inflightColumn(this.#inflight, key);
      const named = slots.length === 0 ? this.#current.live : fromBitmap(slots);
      const numbers = values.toArray();
      named.forEach((slot, i) => {
        if (slot < target.length) target[slot] = numbers[i] ?? 0;
      });
    }
  }
}

function emptyInflight(slotCount: number): InflightColumns {
  const column = () => new Float32Array(slotCount);
  return { requests: column(), promptTokens: column(), outputTokens: column() };
}

function copyInflight(source: InflightColumns, slotCount: number): InflightColumns {
  const column = (values: Float32Array) => {
    const copied = new Float32Array(slotCount);
    copied.set(values.subarray(0, slotCount));
    return copied;
  };
  return {
    requests: column(source.requests),
    promptTokens: column(source.promptTokens),
    outputTokens: column(source.outputTokens),
  };
}
