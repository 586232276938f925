import { policyTypes } from "../policies/catalogue.ts";
import { resolvePolicy } from "./check-policy.ts";
import { type Entries, type PluginEntryOf, type PolicyEntry, pluginsOf } from "./entries.ts";
import type { Reporter } from "./reporter.ts";
import { pluginEntry } from "./schema.ts";

/** Name of the filter that goes with a scorer. */
export function besideName(scorer: string): string {
  return `${scorer}/filter`;
}

/** The entries with the filters that go with scorers of these parameters, each behind them all. */
export function addBesideFilters(entries: Entries, report: Reporter): Entries {
  const all = new Map(entries);
  for (const plugin of pluginsOf(entries)) {
    const filter = toFilter(plugin, report);
    if (filter === undefined) continue;
    if (!all.has(filter.name)) all.set(filter.name, filter);
    else {
      const message = `brings a filter along as ${filter.name}, which names another plugin`;
      report.fault(["plugins", plugin.index], message, "give the other one another name");
    }
  }
  return all;
}

function toFilter({ index, spec }: PluginEntryOf, report: Reporter): PolicyEntry | undefined {
  for (const policy of policyTypes) {
    const parameters = policy.beside?.type === spec.type ? policy.beside.parametersOf(spec.parameters) : undefined;
    if (parameters === undefined) continue;
    const name = besideName(spec.name);
    const entry = pluginEntry.parse({ name, type: policy.type, parameters });
    const checked = resolvePolicy(entry, policy, ["plugins", index], report);
    if (checked !== undefined) return { name, index, typeName: policy.type, ...checked };
  }
  return undefined;
}
