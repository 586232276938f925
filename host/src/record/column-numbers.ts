import { create } from "@bufbuild/protobuf";
import { columnKeys, dataKeys, type KeySpec } from "@outrider/core/contract";
import { type Column, ColumnSchema } from "@outrider/protos/scorer";

/** Numbers for the columns and data that a message names, from 1. */
export interface ColumnNumbers {
  /** Number of a key; the same for the same key. */
  of(key: string): number;
  /** All numbered so far. */
  columns(): Column[];
}

const specs: Readonly<Record<string, KeySpec>> = { ...columnKeys, ...dataKeys };

/** Gives out numbers in the order of asking. */
export function createColumnNumbers(): ColumnNumbers {
  const ids = new Map<string, number>();
  return {
    of(key) {
      const id = ids.get(key) ?? ids.size + 1;
      ids.set(key, id);
      return id;
    },
    columns: () =>
      [...ids].map(([key, id]) =>
        create(ColumnSchema, { id, key, unit: Object.hasOwn(specs, key) ? specs[key]!.unit : "" }),
      ),
  };
}
