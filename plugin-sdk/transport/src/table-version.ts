import type { EndpointDirectory, EndpointInfo } from "@outrider/core/contract";
import type { ColumnSource } from "./call-columns.ts";

/** The endpoint table as a plugin has it at one revision; never changes. */
export interface TableVersion extends EndpointDirectory, ColumnSource {
  /** Epoch of the session that brought it; 0 = nothing has come yet. */
  readonly epoch: number;
  /** Revision within the epoch. */
  readonly rev: number;
  /** Slots in use, ascending. */
  readonly live: Uint32Array;
}

/** A column with the times of its values, both by slot. */
export interface TimedColumn {
  /** `NaN` = unknown. */
  readonly values: Float32Array;
  /** Whole Unix ms; 0 where the value is unknown. */
  readonly times: Float64Array;
}

/** What a version is made of. */
export interface VersionParts {
  /** Epoch of the session that brought it. */
  readonly epoch: number;
  /** Revision within the epoch. */
  readonly rev: number;
  /** By slot, as long as the slot space. */
  readonly infos: readonly (EndpointInfo | undefined)[];
  /** By key, each as long as the slot space. */
  readonly columns: ReadonlyMap<string, TimedColumn>;
}

/** Version that shares the arrays it is made of. */
export function toVersion({ epoch, rev, infos, columns }: VersionParts): TableVersion {
  const slotCount = infos.length;
  let unknown: TimedColumn | undefined;
  const column = (key: string) => {
    const found = columns.get(key);
    if (found !== undefined) return found;
    unknown ??= unknownColumn(slotCount);
    return unknown;
  };
  return {
    epoch,
    rev,
    slotCount,
    live: Uint32Array.from(infos.flatMap((info, slot) => (info === undefined ? [] : [slot]))),
    at: (slot) => infos[slot],
    get: (key) => column(key).values,
    measuredAtMs: (key) => column(key).times,
  };
}

/** A column of which nothing is known. */
export function unknownColumn(slotCount: number): TimedColumn {
  return { values: new Float32Array(slotCount).fill(Number.NaN), times: new Float64Array(slotCount) };
}

/** The same column in arrays of its own, for a slot space that may have grown. */
export function copyColumn(column: TimedColumn | undefined, slotCount: number): TimedColumn {
  const copy = unknownColumn(slotCount);
  if (column === undefined) return copy;
  copy.values.set(column.values);
  copy.times.set(column.times);
  return copy;
}
