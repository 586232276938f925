import type { EndpointSnapshot } from "@outrider/core/contract";
import { toBitmap } from "./bitmap.ts";
import type { WireWriter } from "./wire-writer.ts";

/** Values in one `ColumnData` at most, so that each fits into a chunk with its ages. */
const partSlots = 4096;

const noBytes = new Uint8Array(0);

/** Values of one column that a plugin lacks, ready to be written. */
export interface ColumnPart {
  /** Bitmap over slots; empty = all that live. */
  readonly slots: Uint8Array;
  /** `NaN` = unknown now. */
  readonly values: Float32Array;
  /** Whole ms, one per value. */
  readonly agesMs: Uint32Array;
  /** Whether all ages are the same. */
  readonly isOneAge: boolean;
  /** Bytes that it takes at most. */
  readonly roomBytes: number;
}

/**
 * What of a column has changed between two snapshots, its times included.
 * @param renewed 1 for slots whose endpoint is new: of them the plugin knows nothing.
 */
export function findChanges(
  key: string,
  before: EndpointSnapshot | undefined,
  after: EndpointSnapshot,
  renewed: Uint8Array,
): readonly ColumnPart[] {
  const { live } = after;
  const values = after.columns.get(key);
  const times = after.columns.measuredAtMs(key);
  const oldValues = before?.columns.get(key);
  const oldTimes = before?.columns.measuredAtMs(key);
  const changed = new Uint32Array(live.length);
  let count = 0;
  for (let i = 0; i < live.length; i += 1) {
    const slot = live[i]!;
    const isKnown = !Number.isNaN(values[slot]);
    const isNew = oldValues === undefined || renewed[slot] === 1;
    const differs = isNew ? isKnown : !Object.is(values[slot], oldValues[slot]) || times[slot] !== oldTimes![slot];
    if (differs) changed[count++] = slot;
  }
  const isAll = count === live.length && count <= partSlots;
  const parts: ColumnPart[] = [];
  for (let from = 0; from < count; from += partSlots) {
    const slots = changed.subarray(from, Math.min(count, from + partSlots));
    parts.push(toPart(slots, isAll, values, times, Math.floor(after.takenAtMs)));
  }
  return parts;
}

function toPart(
  slots: Uint32Array,
  isAll: boolean,
  allValues: Float32Array,
  allTimes: Float64Array,
  takenAtMs: number,
): ColumnPart {
  const values = new Float32Array(slots.length);
  const agesMs = new Uint32Array(slots.length);
  let isOneAge = true;
  for (let i = 0; i < slots.length; i += 1) {
    const slot = slots[i]!;
    values[i] = allValues[slot]!;
    // Where nothing is known there is no age: the neighbour's spares a list of them.
    agesMs[i] = Number.isNaN(values[i]) ? (agesMs[i - 1] ?? 0) : Math.max(0, takenAtMs - Math.floor(allTimes[slot]!));
    if (agesMs[i] !== agesMs[0]) isOneAge = false;
  }
  const bitmap = isAll ? noBytes : toBitmap(slots);
  const ageBytes = isOneAge ? 5 : 5 * slots.length;
  const roomBytes = 40 + bitmap.length + values.byteLength + ageBytes + slots.length / 8;
  return { slots: bitmap, values, agesMs, isOneAge, roomBytes: Math.ceil(roomBytes) };
}

/** Writes a `ColumnData` as field `field` of the message in progress. */
export function writeColumn(writer: WireWriter, field: number, column: number, part: ColumnPart): void {
  const { slots, values, agesMs, isOneAge } = part;
  const mark = writer.open(field);
  writer.uint32(1, column);
  writer.blob(2, slots);
  const unknown = writer.knownFloats(3, values);
  if (isOneAge) writer.uint32(4, agesMs[0] ?? 0);
  else writeAges(writer, 5, agesMs);
  writer.blob(6, unknown);
  writer.close(mark);
}

function writeAges(writer: WireWriter, field: number, agesMs: Uint32Array): void {
  const mark = writer.open(field);
  for (let i = 0; i < agesMs.length; i += 1) writer.varint(agesMs[i]!);
  writer.close(mark);
}
