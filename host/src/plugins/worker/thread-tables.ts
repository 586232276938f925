import type { EndpointChange, EndpointInfo } from "@outrider/core/contract";
import type { ColumnSource } from "@outrider/transport/local";
import type { TableMessage } from "./messages.ts";

/** Tables that a thread keeps: as many as the host's ring has snapshots. */
export const keptTables = 16;

/** A snapshot of the endpoint table as a thread has it. */
export interface ThreadTable extends ColumnSource {
  readonly slotCount: number;
  /** Slots in use, ascending. */
  readonly live: Uint32Array;
  /** Endpoint in a slot, with all that is known of it. */
  at(slot: number): EndpointInfo | undefined;
}

/** The snapshots that a thread was given. */
export interface ThreadTables {
  /** Takes one; returns what instances are to be told. */
  take(message: TableMessage): EndpointChange | undefined;
  /** Snapshot of that number, while it is kept. */
  at(id: number): ThreadTable | undefined;
  /** All endpoints that instances have been told of. */
  readonly known: readonly EndpointInfo[];
}

/** No snapshot. */
export function createThreadTables(): ThreadTables {
  const tables = new Map<number, ThreadTable>();
  let told: readonly (EndpointInfo | undefined)[] = [];

  return {
    take(message) {
      const { endpoints } = message;
      const infos = endpoints.kind === "all" ? bySlot(endpoints.infos) : applied(told, endpoints.change);
      if (endpoints.kind === "change" || tables.size === 0) told = infos;
      tables.set(message.id, toTable(message, infos));
      for (const id of tables.keys()) if (tables.size > keptTables) tables.delete(id);
      return endpoints.kind === "change" ? endpoints.change : undefined;
    },
    at: (id) => tables.get(id),
    get known() {
      return told.filter((info) => info !== undefined);
    },
  };
}

function toTable(message: TableMessage, infos: readonly (EndpointInfo | undefined)[]): ThreadTable {
  const { slotCount, live, keys, values, times } = message;
  const indexes = new Map(keys.map((key, index) => [key, index]));
  let unknown: Float32Array | undefined;
  let never: Float64Array | undefined;
  return {
    slotCount,
    live,
    at: (slot) => infos[slot],
    get(key) {
      const index = indexes.get(key);
      unknown ??= new Float32Array(slotCount).fill(Number.NaN);
      return index === undefined ? unknown : values[index]!;
    },
    measuredAtMs(key) {
      const index = indexes.get(key);
      never ??= new Float64Array(slotCount);
      return index === undefined ? never : times[index]!;
    },
  };
}

function bySlot(infos: readonly EndpointInfo[]): readonly (EndpointInfo | undefined)[] {
  const slots: (EndpointInfo | undefined)[] = [];
  for (const info of infos) slots[info.slot] = info;
  return slots;
}

function applied(
  infos: readonly (EndpointInfo | undefined)[],
  { removedSlots, upserted }: EndpointChange,
): readonly (EndpointInfo | undefined)[] {
  if (removedSlots.length === 0 && upserted.length === 0) return infos;
  const next = [...infos];
  for (const slot of removedSlots) next[slot] = undefined;
  for (const info of upserted) next[info.slot] = info;
  return next;
}
