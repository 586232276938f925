import type { Need } from "@outrider/core";
import { findPolicyType } from "../policies/catalogue.ts";
import { type ResolvedEntry, resolveEntry } from "./check-plugins.ts";
import { type Entries, pluginsOf, policiesOf } from "./entries.ts";
import type { FaultPath } from "./faults.ts";
import type { Reporter } from "./reporter.ts";
import { pluginEntry } from "./schema.ts";
import type { PluginScope } from "./scope.ts";
import type { PolicySpec } from "./types.ts";

/** Producer of each key that is written although the configuration names none. */
const producersByDefault: Readonly<Record<string, string>> = {
  "data.prefix_match_blocks": "approx-prefix-cache-producer",
  "data.prefix_total_blocks": "approx-prefix-cache-producer",
  "data.predicted_ttft_ms": "predicted-latency-producer",
  "data.predicted_ttft_ms_p90": "predicted-latency-producer",
  "data.predicted_tpot_ms": "predicted-latency-producer",
  "data.predicted_tpot_ms_p90": "predicted-latency-producer",
  "data.uncached_tokens": "inflight-load-producer",
  "data.inflight_tokens": "inflight-load-producer",
};

/** Types of those producers. */
export const defaultProducers: ReadonlySet<string> = new Set(Object.values(producersByDefault));

/** Someone who reads a key that a producer has to write. */
interface Reader {
  readonly name: string;
  readonly index: number;
  readonly need: Need;
}

/** What a policy reads, as its type says. */
export function needsOfPolicy({ type, parameters }: PolicySpec): readonly Need[] {
  const needs = findPolicyType(type)?.needs?.(parameters as never) ?? [];
  return needs.map((need) => (typeof need === "string" ? { key: need } : need));
}

/**
 * The entries with the producers that somebody reads of and nobody wrote down, each at the place of its first reader;
 * what nobody writes for all that is reported.
 */
export async function addProducers(entries: Entries, scope: PluginScope, report: Reporter): Promise<Entries> {
  const all = new Map(entries);
  for (;;) {
    const missing = findMissing(all).find(({ need }) => isAvailable(need, all, scope));
    if (missing === undefined) break;
    const type = producersByDefault[missing.need.key]!;
    const name = all.has(type) ? `${type}/default` : type;
    const path = ["plugins", missing.index];
    const resolved = await resolveEntry(pluginEntry.parse({ name, type }), path, scope, report);
    all.set(name, { name, index: missing.index, typeName: type, ...resolved });
    report.note(path, `${missing.name} reads ${missing.need.key}, so that ${type} is added`, `declare it to set it up`);
  }
  reportMissing(
    findMissing(all).filter(({ need }) => !isThere(defaultOf(need.key) ?? "", all)),
    report,
  );
  return all;
}

function isAvailable({ key }: Need, all: Entries, { catalogue }: PluginScope): boolean {
  const type = defaultOf(key);
  return type !== undefined && Object.hasOwn(catalogue, type) && !isThere(type, all);
}

function defaultOf(key: string): string | undefined {
  return Object.hasOwn(producersByDefault, key) ? producersByDefault[key] : undefined;
}

/** Whether there is a producer of a type, be it a faulty one. */
function isThere(type: string, entries: Entries): boolean {
  return [...entries.values()].some(({ typeName }) => typeName === type);
}

function findMissing(entries: Entries): readonly Reader[] {
  const written = new Set(pluginsOf(entries).flatMap(({ produces }) => produces));
  return readersOf(entries).filter(({ need: { key } }) => key.startsWith("data.") && !written.has(key));
}

function readersOf(entries: Entries): readonly Reader[] {
  const toReaders = ({ name, index }: ResolvedEntry, needs: readonly Need[]) =>
    needs.map((need) => ({ name, index, need }));
  const plugins = pluginsOf(entries).flatMap((entry) => [
    ...toReaders(entry, entry.asks ?? []),
    ...toReaders(entry, entry.fallback?.asks ?? []),
  ]);
  return [...plugins, ...policiesOf(entries).flatMap((entry) => toReaders(entry, needsOfPolicy(entry.spec)))];
}

function reportMissing(missing: readonly Reader[], report: Reporter): void {
  for (const { index, need } of missing) {
    const path: FaultPath = ["plugins", index];
    const message = `reads ${need.key}, which no configured producer writes`;
    if (need.required === true) report.fault(path, message, "declare a producer of it");
    else report.warn(path, message, "it will be unknown");
  }
}
