import type { EndpointInfo } from "@outrider/core/contract";
import type { ConfigureRequest } from "@outrider/protos/scorer";
import { isInflightKey } from "./call-columns.ts";
import type { NumberedKey } from "./session-types.ts";

/** What of the endpoint table a plugin may see: the union over its instances. */
export interface StateGrants {
  /** Columns that travel with state. */
  readonly columns: readonly NumberedKey[];
  /** Columns that travel with calls. */
  readonly inflight: readonly NumberedKey[];
  /** Whether a label of that name is sent. */
  readonly label: (name: string) => boolean;
  /** Whether a set of that name is sent. */
  readonly set: (name: string) => boolean;
}

/** Reads off a configuration what state it grants; a need without names opens all of them. */
export function toStateGrants({ columns, instances }: Pick<ConfigureRequest, "columns" | "instances">): StateGrants {
  const needs = instances.flatMap(({ granted }) => granted);
  const named = (key: string) => {
    const opened = needs.filter((need) => need.key === key);
    if (opened.some(({ names }) => names.length === 0)) return () => true;
    const names = new Set(opened.flatMap((need) => need.names));
    return (name: string) => names.has(name);
  };
  const numbered = columns.map(({ id, key }) => ({ id, key }));
  return {
    columns: numbered.filter(({ key }) => !isInflightKey(key)),
    inflight: numbered.filter(({ key }) => isInflightKey(key)),
    label: named("endpoint.labels"),
    set: named("endpoint.sets"),
  };
}

/** An endpoint with what may be seen of it. */
export function restrictEndpoint(info: EndpointInfo, grants: StateGrants): EndpointInfo {
  return { ...info, labels: pick(info.labels, grants.label), sets: pick(info.sets, grants.set) };
}

function pick<V>(record: Readonly<Record<string, V>>, wanted: (name: string) => boolean): Record<string, V> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => wanted(name)));
}
