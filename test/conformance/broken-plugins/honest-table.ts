import type { PushStateRequest } from "@outrider/protos/scorer";
import { fromBitmap, hasBit } from "@outrider/transport";

/** What a plugin of these keeps of an endpoint. */
export interface KeptEndpoint {
  readonly id: string;
  /** `NaN` = unknown. */
  readonly waiting: number;
}

/** A plugin's copy of the endpoint table. */
export interface KeptTable {
  readonly epoch: number;
  readonly rev: number;
  /** By slot, ascending. */
  readonly endpoints: ReadonlyMap<number, KeptEndpoint>;
}

/** A plugin that has been sent nothing. */
export const noTable: KeptTable = { epoch: 0, rev: 0, endpoints: new Map() };

/** Whether a step starts where the table is. */
export function fits({ epoch, rev }: KeptTable, step: readonly PushStateRequest[]): boolean {
  return step[0]!.full || (step[0]!.epoch === epoch && step[0]!.fromRev === rev);
}

/** The table behind a step. @param waitingColumn number of the column that is kept. */
export function applyStep(table: KeptTable, step: readonly PushStateRequest[], waitingColumn: number): KeptTable {
  const { full, epoch, toRev } = step[0]!;
  const next = new Map(full ? [] : table.endpoints);
  for (const { removedSlots } of step) for (const slot of removedSlots) next.delete(slot);
  for (const { upserts } of step) {
    for (const { slot, id } of upserts) next.set(slot, { id, waiting: next.get(slot)?.waiting ?? Number.NaN });
  }
  const endpoints = new Map([...next].sort(([a], [b]) => a - b));
  for (const { columns } of step) {
    for (const { column, slots, values, unknown } of columns) {
      if (column !== waitingColumn) continue;
      const named = slots.length === 0 ? [...endpoints.keys()] : [...fromBitmap(slots)];
      named.forEach((slot, i) => {
        const endpoint = endpoints.get(slot);
        const waiting = hasBit(unknown, i) ? Number.NaN : values[i]!;
        if (endpoint !== undefined) endpoints.set(slot, { ...endpoint, waiting });
      });
    }
  }
  return { epoch, rev: toRev, endpoints };
}
