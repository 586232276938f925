import { shadowCallIds } from "@outrider/core";
import { type ResolvedEntry, resolveEntry } from "./check-plugins.ts";
import { type Entries, pluginsOf } from "./entries.ts";
import { quote } from "./faults.ts";
import { isMap, nameOf } from "./plain.ts";
import type { Reporter } from "./reporter.ts";
import { salvage } from "./salvage.ts";
import { pluginEntry } from "./schema.ts";
import type { PluginScope } from "./scope.ts";

/** What says where the type is: an entry in which one is faulty is checked no further. */
const whereFields = ["process", "module"] as const;

/** Checks each entry of `plugins:`, and that no name stands for two. @param list as it is written. */
export async function resolveEntries(list: readonly unknown[], scope: PluginScope, report: Reporter): Promise<Entries> {
  const entries = new Map<string, ResolvedEntry>();
  for (const [index, item] of list.entries()) {
    const path = ["plugins", index];
    const entry = salvage(pluginEntry, item);
    const typeName = isMap(item) && typeof item.type === "string" ? item.type : "";
    const name = nameOf(item) ?? typeName;
    if (name === "") continue;
    const usable = entry !== undefined && isMap(item) && whereFields.every((field) => !(field in item) || entry[field]);
    const resolved = usable ? await resolveEntry(entry, path, scope, report) : { kind: "faulty" as const };
    const first = entries.get(name);
    if (first === undefined) entries.set(name, { name, index, typeName, ...resolved });
    else {
      const hint = `the other one is on line ${report.lineOf(["plugins", first.index])}; write another name:`;
      report.fault(
        [...path, nameOf(item) === undefined ? "type" : "name"],
        `${quote(name)} names another plugin`,
        hint,
      );
    }
  }
  return entries;
}

/** Checks what all plugins come to: names of those that stand in for others, and how many there are. */
export function checkPlugins(entries: Entries, report: Reporter): void {
  checkFallbacks(entries, report);
  checkCount(entries, report);
}

/** What stands in for a scorer has a name too, and metrics under it. */
function checkFallbacks(entries: Entries, report: Reporter): void {
  for (const { index, fallback } of pluginsOf(entries)) {
    if (fallback === undefined || !entries.has(fallback.spec.name)) continue;
    const message = `is asked as ${quote(fallback.spec.name)}, which names another plugin`;
    report.fault(["plugins", index, "onFailure"], message, "give the other one another name");
  }
}

/** Calls of a decision are numbered in a space that has an end. */
function checkCount(entries: Entries, report: Reporter): void {
  for (const isShadow of [false, true]) {
    const beyond = pluginsOf(entries).filter(({ shadow }) => shadow === isShadow)[shadowCallIds];
    const kind = isShadow ? "shadow scorers" : "scorers and producers";
    if (beyond !== undefined) {
      report.fault(["plugins", beyond.index], `is one too many: a decision has room for ${shadowCallIds} ${kind}`);
    }
  }
}
