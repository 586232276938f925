import type { EndpointColumns } from "@outrider/core/contract";
import { toBitmap } from "./bitmap.ts";
import { isInflightKey } from "./call-columns.ts";
import type { NumberedKey } from "./session-types.ts";
import type { WireWriter } from "./wire-writer.ts";

/** What a plugin has of the columns that change with every decision, so that only changes are sent. */
export interface SentInflight {
  /** Takes those of the columns that change with every decision; nothing of them has been sent. */
  setColumns(columns: readonly NumberedKey[]): void;
  /** Whether two calls see the same values in these columns. */
  isSame(a: EndpointColumns, b: EndpointColumns): boolean;
  /** Appends what the plugin does not have as `ColumnData` in field `field` of the message in progress. */
  write(writer: WireWriter, field: number, columns: EndpointColumns): void;
  /** What was sent of these slots, or of all, no longer counts. */
  forget(slots?: readonly number[]): void;
}

interface SentColumn {
  readonly id: number;
  readonly key: string;
  /** By slot; `NaN` = the plugin has none. */
  values: Float32Array;
}

/** A plugin that has been sent nothing. */
export function createSentInflight(): SentInflight {
  let sent: readonly SentColumn[] = [];
  return {
    setColumns(columns) {
      const wanted = columns.filter(({ key }) => isInflightKey(key));
      sent = wanted.map(({ id, key }) => ({ id, key, values: new Float32Array(0) }));
    },
    isSame: (a, b) => a === b || sent.every(({ key }) => sameValues(a.get(key), b.get(key))),
    write(writer, field, columns) {
      for (const column of sent) writeChanges(writer, field, column, columns.get(column.key));
    },
    forget(slots) {
      for (const column of sent) {
        if (slots === undefined) column.values.fill(Number.NaN);
        for (const slot of slots ?? []) if (slot < column.values.length) column.values[slot] = Number.NaN;
      }
    },
  };
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

function writeChanges(writer: WireWriter, field: number, column: SentColumn, now: Float32Array): void {
  if (column.values.length < now.length) column.values = enlarged(column.values, now.length);
  const changed = changedSlots(column.values, now);
  if (changed.length === 0) return;
  const slots = toBitmap(changed);
  const values = new Float32Array(changed.length);
  changed.forEach((slot, i) => {
    values[i] = now[slot]!;
    column.values[slot] = now[slot]!;
  });
  writer.ensure(32 + slots.length + values.byteLength);
  const mark = writer.open(field);
  writer.uint32(1, column.id);
  writer.blob(2, slots);
  writer.packed(3, values);
  writer.close(mark);
}

function changedSlots(before: Float32Array, now: Float32Array): readonly number[] {
  const slots: number[] = [];
  for (let slot = 0; slot < now.length; slot += 1) if (before[slot] !== now[slot]) slots.push(slot);
  return slots;
}

function enlarged(values: Float32Array, length: number): Float32Array {
  const larger = new Float32Array(length).fill(Number.NaN);
  larger.set(values);
  return larger;
}
