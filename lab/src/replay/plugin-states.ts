import type { HostConfig, PluginCatalogue } from "@outrider/host";
import type { PluginComparison } from "./replay-report.ts";

/** Where the state of each configured plugin lives, by its name. */
export type PluginStates = ReadonlyMap<string, PluginComparison["state"]>;

/** Reads it off the declarations of built-in types; of others nothing is known. */
export async function loadStates({ plugins }: HostConfig, catalogue: PluginCatalogue): Promise<PluginStates> {
  const states = new Map<string, PluginComparison["state"]>();
  for (const { name, type, module, placement } of plugins) {
    const isBuiltin = module === undefined && placement !== "remote" && Object.hasOwn(catalogue, type);
    states.set(name, isBuiltin ? (await catalogue[type]!.load()).state : "unknown");
  }
  return states;
}
