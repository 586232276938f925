import type { EndpointInfo } from "../contract/index.ts";

type Labels = EndpointInfo["labels"];
type Sets = EndpointInfo["sets"];

/** Sets with their names sorted, each once. */
export function toSets(sets: Sets): Sets {
  return Object.fromEntries(Object.entries(sets).map(([name, values]) => [name, [...new Set(values)].sort()]));
}

/** Whether two endpoints have the same labels. */
export function sameLabels(one: Labels, other: Labels): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** Whether two endpoints have the same sets, given as {@link toSets} makes them. */
export function sameSets(one: Sets, other: Sets): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => sameNames(one[name], other[name]));
}

function sameNames(one: readonly string[], other: readonly string[] | undefined): boolean {
  return other !== undefined && one.length === other.length && one.every((name, i) => name === other[i]);
}

/** Slots that have an endpoint, ascending. */
export function liveSlots(infos: readonly (EndpointInfo | undefined)[]): readonly number[] {
  return infos.flatMap((info) => (info === undefined ? [] : [info.slot]));
}
