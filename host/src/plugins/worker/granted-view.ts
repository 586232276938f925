import type { EndpointChange, EndpointInfo, Need } from "@outrider/core/contract";
import { type ColumnSource, isInflightKey } from "@outrider/transport/local";
import type { ThreadTable } from "./thread-tables.ts";

/** What one instance sees of the endpoint table: what it was granted, as a plugin in a process would. */
export interface GrantedView {
  /** Keys of the data it may read, by their number on the wire. */
  readonly data: ReadonlyMap<number, string>;
  /** Columns of a table; those not granted are unknown. */
  columns(table: ThreadTable): ColumnSource;
  /** Whether an in-flight column is more than 0s to it. */
  seesInflight(key: string): boolean;
  /** An endpoint without the labels and sets it may not see; the same object each time. */
  endpoint(info: EndpointInfo): EndpointInfo;
  change(change: EndpointChange): EndpointChange;
}

/** Keys of the data that an instance may read, in the order of their numbers, which begin with 1. */
export function dataKeysOf(granted: readonly Need[], produces: readonly string[]): readonly string[] {
  return granted.map(({ key }) => key).filter((key) => key.startsWith("data.") && !produces.includes(key));
}

/** What these needs open. */
export function createGrantedView(granted: readonly Need[], produces: readonly string[]): GrantedView {
  const keys = new Set<string>(granted.map(({ key }) => key));
  const label = namesOf(granted, "endpoint.labels");
  const set = namesOf(granted, "endpoint.sets");
  const seen = new WeakMap<EndpointInfo, EndpointInfo>();
  const sources = new WeakMap<ThreadTable, ColumnSource>();
  const endpoint = (info: EndpointInfo) => {
    let known = seen.get(info);
    if (known === undefined) {
      known = { ...info, labels: pick(info.labels, label), sets: pick(info.sets, set) };
      seen.set(info, known);
    }
    return known;
  };
  return {
    data: new Map(dataKeysOf(granted, produces).map((key, i) => [i + 1, key])),
    columns(table) {
      let source = sources.get(table);
      if (source === undefined) {
        source = {
          get: (key) => table.get(keys.has(key) ? key : ""),
          measuredAtMs: (key) => table.measuredAtMs(keys.has(key) ? key : ""),
        };
        sources.set(table, source);
      }
      return source;
    },
    seesInflight: (key) => isInflightKey(key) && keys.has(key),
    endpoint,
    change: ({ removedSlots, upserted }) => ({ removedSlots, upserted: upserted.map(endpoint) }),
  };
}

/** Which names a need opens; all of them where it names none, and none without the need. */
function namesOf(granted: readonly Need[], key: string): (name: string) => boolean {
  const need = granted.find((given) => given.key === key);
  if (need === undefined) return () => false;
  const { names } = need;
  return names === undefined || names.length === 0 ? () => true : (name) => names.includes(name);
}

function pick<V>(record: Readonly<Record<string, V>>, isSeen: (name: string) => boolean): Record<string, V> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => isSeen(name)));
}
