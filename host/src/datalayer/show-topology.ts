import type { EndpointEntry } from "@outrider/core";
import { type TopologyLabels, topologyLabels } from "./settings.ts";

const levels = ["hostname", "rack", "zone", "region"] as const;

/** The same endpoint with the labels that say where it is under the names that everybody here knows. */
export function showTopology(entry: EndpointEntry, names: TopologyLabels): EndpointEntry {
  const shown = levels.flatMap((level) => {
    const value = entry.labels[names[level]];
    return names[level] === topologyLabels[level] || !value ? [] : [[topologyLabels[level], value] as const];
  });
  return shown.length === 0 ? entry : { ...entry, labels: { ...entry.labels, ...Object.fromEntries(shown) } };
}
