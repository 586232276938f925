import type { InflightColumns } from "@outrider/core/contract";
import {
  type DecodedColumn,
  fromBitmap,
  type InflightKey,
  inflightKeys,
  isInflightKey,
  type NumberedKey,
} from "@outrider/transport";

/** A host's in-flight counts as it last sent them; 0 for what it has not sent. */
export interface ServedInflight {
  /** Says which numbers mean which column from now on. */
  setColumns(columns: readonly NumberedKey[]): void;
  /** Whether a number means one of these columns. */
  has(column: number): boolean;
  /** Takes the values that came with a batch of calls. */
  apply(columns: readonly DecodedColumn[], live: Uint32Array): void;
  /** The counts for a call, as long as the slot space. They change with the next `apply` unless held. */
  columns(slotCount: number): InflightColumns;
  /** A call goes on beyond this turn: what it was given must not change until it releases it. */
  hold(): void;
  /** Ends one {@link hold}. */
  release(): void;
}

/** Nothing in flight. */
export function createServedInflight(): ServedInflight {
  let keys: ReadonlyMap<number, InflightKey> = new Map();
  let values = emptyValues(0);
  let holders = 0;
  let isShared = false;

  const resize = (slotCount: number) => {
    if (slotCount === values.inflight_requests.length) return;
    values = copyValues(values, slotCount);
    isShared = false;
  };

  return {
    setColumns(columns) {
      const known = columns.flatMap(({ id, key }) => (isInflightKey(key) ? [[id, key] as const] : []));
      keys = new Map(known);
      values = emptyValues(values.inflight_requests.length);
    },
    has: (column) => keys.has(column),
    apply(columns, live) {
      if (columns.length === 0) return;
      if (isShared) values = copyValues(values, values.inflight_requests.length);
      isShared = false;
      for (const column of columns) {
        const key = keys.get(column.column);
        if (key === undefined) continue;
        const slots = column.slots.length === 0 ? live : fromBitmap(column.slots);
        resize(Math.max(values[key].length, (slots.at(-1) ?? -1) + 1));
        fill(values[key], slots, column.values.toArray());
      }
    },
    columns(slotCount) {
      if (slotCount > values.inflight_requests.length) resize(slotCount);
      const { inflight_requests, inflight_prompt_tokens, inflight_output_tokens } = values;
      return {
        requests: view(inflight_requests, slotCount),
        promptTokens: view(inflight_prompt_tokens, slotCount),
        outputTokens: view(inflight_output_tokens, slotCount),
      };
    },
    hold() {
      holders += 1;
      isShared = true;
    },
    release() {
      holders -= 1;
      if (holders === 0) isShared = false;
    },
  };
}

type Values = Readonly<Record<InflightKey, Float32Array>>;

function emptyValues(slotCount: number): Values {
  const column = () => new Float32Array(slotCount);
  return { inflight_requests: column(), inflight_prompt_tokens: column(), inflight_output_tokens: column() };
}

function copyValues(values: Values, slotCount: number): Values {
  const copy = emptyValues(Math.max(slotCount, values.inflight_requests.length));
  for (const key of inflightKeys) copy[key].set(values[key]);
  return copy;
}

function view(values: Float32Array, slotCount: number): Float32Array {
  return values.length === slotCount ? values : values.subarray(0, slotCount);
}

function fill(column: Float32Array, slots: Uint32Array, values: Float32Array): void {
  for (let i = 0; i < slots.length; i += 1) column[slots[i]!] = values[i] ?? 0;
}
