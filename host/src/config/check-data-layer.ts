import { type DataLayerSettings, defaultDataLayer, resolvePaths } from "../datalayer/settings.ts";
import type { DataPart } from "../policies/policy-type.ts";
import { type Entries, findPolicy, type PolicyEntry, withRole } from "./entries.ts";
import type { FaultPath } from "./faults.ts";
import type { Reporter } from "./reporter.ts";
import type { DataLayerEntry } from "./schema-reference.ts";

/** What the host scrapes although no source says so; entries of these names say how. */
const defaultNames: ReadonlySet<string> = new Set(["metrics-data-source", "core-metrics-extractor"]);

/** What was read of `dataLayer:`, and which entries it is made of. */
export interface CheckedDataLayer {
  readonly settings: DataLayerSettings;
  readonly used: ReadonlySet<string>;
}

/** Checks `dataLayer:`. @param folder that paths start from. */
export function checkDataLayer(
  entry: DataLayerEntry | undefined,
  entries: Entries,
  folder: string,
  report: Reporter,
): CheckedDataLayer {
  if (entry !== undefined) warnInert(entry, report);
  const injects = entry?.injectDefaults ?? true;
  const named = entry === undefined ? [] : findNamed(entry, entries, report);
  const listed = withRole(entries, "data").filter(
    ({ name, type }) => type.dataPart === undefined || (injects && defaultNames.has(name)),
  );
  const parts = [...new Set([...listed, ...named])];
  const base = injects ? defaultDataLayer : { ...defaultDataLayer, metrics: undefined };
  const settings = parts.reduce((made, { type, spec }) => type.data?.(spec.parameters as never, made) ?? made, base);
  return { settings: resolvePaths(settings, folder), used: new Set(parts.map(({ name }) => name)) };
}

function findNamed(
  { sources, discovery, injectDefaults }: DataLayerEntry,
  entries: Entries,
  report: Reporter,
): readonly PolicyEntry[] {
  const named: PolicyEntry[] = [];
  const find = (name: string, part: DataPart, at: FaultPath) => {
    const entry = findPart(name, part, [...at, "pluginRef"], entries, report);
    if (entry !== undefined) named.push(entry);
  };
  for (const [i, { pluginRef, extractors }] of sources.entries()) {
    const at = ["dataLayer", "sources", i];
    if (extractors.length === 0 && !injectDefaults) warnUnread(pluginRef, at, report);
    else find(pluginRef, "source", at);
    for (const [j, extractor] of extractors.entries()) find(extractor.pluginRef, "extractor", [...at, "extractors", j]);
  }
  if (discovery !== undefined) find(discovery.pluginRef, "discovery", ["dataLayer", "discovery"]);
  return named;
}

function warnUnread(name: string, at: FaultPath, report: Reporter): void {
  report.warn(at, `${name} has no extractor, so nothing is read of it`, "write extractors: [{ pluginRef: ... }]");
}

function findPart(
  name: string,
  part: DataPart,
  at: FaultPath,
  entries: Entries,
  report: Reporter,
): PolicyEntry | undefined {
  const role = entries.get(name)?.kind === "policy" && isImplied(name, entries) ? "implied" : "data";
  const entry = findPolicy(name, role, at, entries, report);
  if (entry === undefined || entry.type.dataPart === undefined || entry.type.dataPart === part) return entry;
  const hint = `it is ${words[entry.type.dataPart]}`;
  report.fault(at, `${name} is not ${words[part]}`, hint);
  return undefined;
}

const words: Readonly<Record<DataPart, string>> = {
  source: "a source of data",
  extractor: "an extractor",
  discovery: "a source of endpoints",
};

/** What the host always does may be named, and changes nothing. */
function isImplied(name: string, entries: Entries): boolean {
  const entry = entries.get(name);
  return entry?.kind === "policy" && entry.type.implied === true;
}

const inert = ["peerDiscovery", "crossReplicaSyncerPluginRef", "crossReplicaSyncInterval"] as const;

function warnInert(entry: DataLayerEntry, report: Reporter): void {
  for (const field of inert) {
    if (entry[field] === undefined) continue;
    report.warn(["dataLayer", field], "has no effect: replicas share nothing", "remove it", "key");
  }
}
