import { create } from "@bufbuild/protobuf";
import type { EndpointChange, EndpointInfo, EndpointSnapshot } from "@outrider/core/contract";
import {
  type ColumnData,
  ColumnDataSchema,
  type Endpoint,
  EndpointSchema,
  type PushStateRequest,
  PushStateRequestSchema,
} from "@outrider/protos/scorer";
import { setBit, toBitmap } from "./bitmap.ts";
import type { NumberedKey } from "./session-types.ts";
import { restrictEndpoint, type StateGrants } from "./state-grants.ts";

/** Largest chunk of state, so that a call never queues behind a whole table. */
export const stateChunkBytes = 64 * 1024;

/** Values in one `ColumnData` at most, so that each fits into a chunk with its ages. */
const columnPartSlots = 4096;

/** Room for a chunk's frame and header fields. */
const chunkOverheadBytes = 64;

/** Where a step of state begins and ends. */
export interface StateStep {
  /** Epoch of the session. */
  readonly epoch: number;
  /** What the plugin has; `undefined` = nothing, the step is the whole table. */
  readonly before: EndpointSnapshot | undefined;
  readonly after: EndpointSnapshot;
  readonly grants: StateGrants;
}

/** What came and went between two snapshots; an endpoint that replaces another in its slot has done both. */
export function diffEndpoints(before: EndpointSnapshot | undefined, after: EndpointSnapshot): EndpointChange {
  const removedSlots: number[] = [];
  for (const slot of before?.live ?? []) {
    if (after.at(slot)?.id !== before?.at(slot)?.id) removedSlots.push(slot);
  }
  const upserted: EndpointInfo[] = [];
  for (const slot of after.live) {
    const info = after.at(slot)!;
    if (before?.at(slot) !== info) upserted.push(info);
  }
  return { removedSlots, upserted };
}

/** A step ready to be sent. */
export interface EncodedStep {
  /** At most {@link stateChunkBytes} each; one at least, even where nothing has changed. */
  readonly chunks: readonly PushStateRequest[];
  readonly change: EndpointChange;
}

/** Cuts a step into chunks. An endpoint that does not fit into one gets a larger one to itself. */
export function encodeStateStep({ epoch, before, after, grants }: StateStep): EncodedStep {
  const change = diffEndpoints(before, after);
  const renewed = renewedSlots(before, after, change);
  const packer = createPacker();
  if (before !== undefined && change.removedSlots.length > 0) {
    packer.add("removedSlots", 5 * change.removedSlots.length, [...change.removedSlots]);
  }
  for (const info of change.upserted) {
    const endpoint = toEndpoint(restrictEndpoint(info, grants));
    packer.add("upserts", endpointRoom(endpoint), [endpoint]);
  }
  for (const column of grants.columns) {
    for (const data of columnParts(column, before, after, renewed)) packer.add("columns", columnRoom(data), [data]);
  }
  const parts = packer.chunks();
  const head = { epoch, fromRev: before?.rev ?? 0, toRev: after.rev, full: before === undefined };
  const chunks = parts.map((part, i) => {
    const more = i < parts.length - 1;
    return create(PushStateRequestSchema, { ...head, more, nowMs: after.takenAtMs, ...part });
  });
  return { chunks, change };
}

/** 1 for slots whose values the plugin knows nothing of, because their endpoint is new. */
function renewedSlots(
  before: EndpointSnapshot | undefined,
  after: EndpointSnapshot,
  change: EndpointChange,
): Uint8Array {
  const renewed = new Uint8Array(after.slotCount);
  for (const { slot, id } of change.upserted) if (before?.at(slot)?.id !== id) renewed[slot] = 1;
  return renewed;
}

interface Chunk {
  readonly removedSlots: number[];
  readonly upserts: Endpoint[];
  readonly columns: ColumnData[];
}

interface Packer {
  add<K extends keyof Chunk>(kind: K, bytes: number, items: Chunk[K]): void;
  chunks(): readonly Chunk[];
}

/** Fills chunks in order; what is larger than a chunk gets one to itself. */
function createPacker(): Packer {
  const chunks: Chunk[] = [];
  let room = 0;
  const open = () => {
    chunks.push({ removedSlots: [], upserts: [], columns: [] });
    room = stateChunkBytes - chunkOverheadBytes;
  };
  open();
  return {
    add(kind, bytes, items) {
      if (bytes > room && room < stateChunkBytes - chunkOverheadBytes) open();
      room -= bytes;
      (chunks.at(-1)![kind] as unknown[]).push(...items);
    },
    chunks: () => chunks,
  };
}

function toEndpoint(info: EndpointInfo): Endpoint {
  const { slot, id, address, labels, incarnation } = info;
  const sets = Object.fromEntries(Object.entries(info.sets).map(([name, values]) => [name, { values: [...values] }]));
  return create(EndpointSchema, { slot, id, address, labels, sets, incarnation });
}

/** Upper bound of an endpoint's bytes. */
function endpointRoom({ id, address, labels, sets }: Endpoint): number {
  let room = 40 + textBytes(id) + textBytes(address);
  for (const [name, value] of Object.entries(labels)) room += 20 + textBytes(name) + textBytes(value);
  for (const [name, { values }] of Object.entries(sets)) {
    room += 20 + textBytes(name) + values.reduce((sum, value) => sum + 6 + textBytes(value), 0);
  }
  return room;
}

function textBytes(text: string): number {
  return Buffer.byteLength(text);
}

/** Upper bound of a column's bytes. */
function columnRoom({ slots, values, agesMs, unknown }: ColumnData): number {
  return 40 + slots.length + 4 * values.length + 5 * agesMs.length + unknown.length;
}

/** Values of one column that a plugin which has `before` does not have. */
function columnParts(
  { id, key }: NumberedKey,
  before: EndpointSnapshot | undefined,
  after: EndpointSnapshot,
  renewed: Uint8Array,
): readonly ColumnData[] {
  const values = after.columns.get(key);
  const times = after.columns.measuredAtMs(key);
  const oldValues = before?.columns.get(key);
  const oldTimes = before?.columns.measuredAtMs(key);
  const changed = after.live.filter((slot) => {
    const isNew = oldValues === undefined || renewed[slot] === 1;
    if (isNew) return !Number.isNaN(values[slot]);
    return !Object.is(values[slot], oldValues[slot]) || times[slot] !== oldTimes?.[slot];
  });
  const all = changed.length === after.live.length && changed.length <= columnPartSlots;
  const parts: ColumnData[] = [];
  for (let from = 0; from < changed.length; from += columnPartSlots) {
    const slots = changed.subarray(from, from + columnPartSlots);
    parts.push(toColumnData(id, slots, all, values, times, Math.floor(after.takenAtMs)));
  }
  return parts;
}

function toColumnData(
  column: number,
  slots: Uint32Array,
  all: boolean,
  values: Float32Array,
  times: Float64Array,
  takenAtMs: number,
): ColumnData {
  const data = create(ColumnDataSchema, { column, slots: all ? noBytes : toBitmap(slots) });
  const agesMs: number[] = [];
  let unknown = noBytes;
  slots.forEach((slot, i) => {
    const value = values[slot]!;
    const isUnknown = Number.isNaN(value);
    data.values.push(isUnknown ? 0 : value);
    agesMs.push(isUnknown ? (agesMs[i - 1] ?? 0) : Math.max(0, takenAtMs - Math.floor(times[slot]!)));
    if (!isUnknown) return;
    if (unknown.length === 0) unknown = new Uint8Array((slots.length + 7) >> 3);
    setBit(unknown, i);
  });
  data.unknown = unknown;
  if (agesMs.every((age) => age === agesMs[0])) data.ageMs = agesMs[0]!;
  else data.agesMs = agesMs;
  return data;
}

const noBytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
