import { type Need, shadowCallIds } from "@outrider/core";
import { defaultDataLayer } from "../datalayer/settings.ts";
import type { PluginCatalogue } from "../plugins/types.ts";
import { findPolicyType } from "../policies/catalogue.ts";
import { type ResolvedEntry, resolveEntry } from "./check-plugins.ts";
import { checkProcesses, type DeclaredProcess } from "./check-processes.ts";
import { checkProfiles } from "./check-profiles.ts";
import { checkRequests, namesOf } from "./check-requests.ts";
import { checkResponses } from "./check-responses.ts";
import { createDefaultPolicies, type DefaultPolicies } from "./default-policies.ts";
import { quote } from "./faults.ts";
import { isMap, listOf, nameOf, withoutEmpty } from "./plain.ts";
import { adviseReferenceField } from "./reference-types.ts";
import type { Reporter } from "./reporter.ts";
import { salvage } from "./salvage.ts";
import { defaultBudgetMs, endpointPickerConfig, pluginEntry, profileEntry, workersEntry } from "./schema.ts";
import type { PluginScope } from "./scope.ts";
import { fieldsOf, type ShapeIssue, toShapeFaults } from "./shape.ts";
import type { HostConfig, PolicySpec, ProfileSpec } from "./types.ts";
import { planWaves } from "./waves.ts";

/** What a configuration says, apart from where it came from. */
export type Settings = Omit<HostConfig, "source">;

type Plugin = Extract<ResolvedEntry, { kind: "plugin" }>;

/**
 * Checks a configuration's plain value: its shape, then what each part refers to, as far as the shape allows.
 * @param folder where its processes run.
 */
export async function checkConfig(
  written: unknown,
  folder: string,
  catalogue: PluginCatalogue,
  report: Reporter,
): Promise<Settings> {
  const value = withoutEmpty(written);
  checkShape(value, report);
  const root = isMap(value) ? value : {};
  const budgetMs = salvage(endpointPickerConfig.shape.budget, root.budget) ?? defaultBudgetMs;
  const responses = salvage(endpointPickerConfig.shape.responses, root.responses) ?? "auto";
  const { threads, memory: memoryMb } = salvage(workersEntry, root.workers ?? {}) ?? workersEntry.parse({});
  const processes = await checkProcesses(listOf(root.processes), folder, report);
  const entries = await resolveEntries(listOf(root.plugins), { catalogue, processes, budgetMs, folder }, report);
  const defaults = createDefaultPolicies(entries);
  const profiles = checkProfiles(
    listOf(root.schedulingProfiles).map((item) => salvage(profileEntry, item)),
    entries,
    defaults,
    report,
  );
  const waves = planWaves(entries.values(), report);
  const plugins = [...entries.values()].filter((entry) => entry.kind === "plugin");
  checkResponses(responses, plugins, report);
  checkFallbacks(plugins, entries, report);
  checkCount(plugins, report);
  warnUnused(root, entries, processes, report);
  const handler = findHandler(entries, profiles, defaults, report);
  const requests = checkRequests(entries, defaults);
  const policies = [...entries.values()].flatMap((entry) => (entry.kind === "policy" ? [entry.spec] : []));
  const all = [...policies, ...defaults.specs()];
  const needs = all.flatMap(needsOf);
  return {
    budgetMs,
    responses,
    workers: { threads, memoryMb },
    processes: usedProcesses(plugins, processes),
    plugins: plugins.flatMap(({ spec, fallback }) => (fallback === undefined ? [spec] : [spec, fallback.spec])),
    waves,
    profiles,
    policies: all,
    handler,
    admitters: namesOf(entries, "admitter"),
    requests,
    dataLayer: defaultDataLayer,
    needs,
    readsInflight: plugins.some(readsInflight) || needs.some(isInflight),
  };
}

function readsInflight({ asks, fallback }: Plugin): boolean {
  return asks === undefined || [...asks, ...(fallback?.asks ?? [])].some(isInflight);
}

function isInflight({ key }: Need): boolean {
  return key.startsWith("inflight_");
}

/** What a policy reads, as far as its type is known. */
function needsOf({ type, parameters }: PolicySpec): readonly Need[] {
  const needs = findPolicyType(type)?.needs?.(parameters as never) ?? [];
  return needs.map((need) => (typeof need === "string" ? { key: need } : need));
}

function checkShape(value: unknown, report: Reporter): void {
  if (value === null || value === undefined) {
    report.fault([], "is empty", "write apiVersion: outrider.dev/v1alpha1 and kind: EndpointPickerConfig first");
    return;
  }
  const result = endpointPickerConfig.safeParse(value);
  for (const issue of (result.error?.issues ?? []) as readonly ShapeIssue[]) {
    for (const { path, part, message, hint } of toShapeFaults(issue, value, (at) =>
      fieldsOf(endpointPickerConfig, at),
    )) {
      const reference = path.length === 1 && part === "key" ? adviseReferenceField(String(path[0])) : undefined;
      if (reference === undefined) report.fault(path, message, hint, part);
      else report.fault(path, "of the reference EPP is not available", reference, part);
    }
  }
}

/** What says where the type is: an entry in which one is faulty is checked no further. */
const whereFields = ["process", "module"] as const;

async function resolveEntries(
  list: readonly unknown[],
  scope: PluginScope,
  report: Reporter,
): Promise<ReadonlyMap<string, ResolvedEntry>> {
  const entries = new Map<string, ResolvedEntry>();
  for (const [index, item] of list.entries()) {
    const path = ["plugins", index];
    const entry = salvage(pluginEntry, item);
    const type = isMap(item) && typeof item.type === "string" ? item.type : undefined;
    const name = nameOf(item) ?? type;
    if (name === undefined) continue;
    const usable = entry !== undefined && isMap(item) && whereFields.every((field) => !(field in item) || entry[field]);
    const resolved = usable ? await resolveEntry(entry, path, scope, report) : { kind: "faulty" as const };
    const first = entries.get(name);
    if (first === undefined) entries.set(name, { name, index, ...resolved });
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

/** What stands in for a scorer has a name too, and metrics under it. */
function checkFallbacks(
  plugins: readonly (Plugin & { readonly index: number })[],
  entries: ReadonlyMap<string, ResolvedEntry>,
  report: Reporter,
): void {
  for (const { index, fallback } of plugins) {
    if (fallback === undefined || !entries.has(fallback.spec.name)) continue;
    const message = `is asked as ${quote(fallback.spec.name)}, which names another plugin`;
    report.fault(["plugins", index, "onFailure"], message, "give the other one another name");
  }
}

/** Calls of a decision are numbered in a space that has an end. */
function checkCount(plugins: readonly (Plugin & { readonly index: number })[], report: Reporter): void {
  for (const isShadow of [false, true]) {
    const beyond = plugins.filter(({ shadow }) => shadow === isShadow)[shadowCallIds];
    const kind = isShadow ? "shadow scorers" : "scorers and producers";
    if (beyond !== undefined) {
      report.fault(["plugins", beyond.index], `is one too many: a decision has room for ${shadowCallIds} ${kind}`);
    }
  }
}

function findHandler(
  entries: ReadonlyMap<string, ResolvedEntry>,
  profiles: readonly ProfileSpec[],
  defaults: DefaultPolicies,
  report: Reporter,
): string {
  const handlers = [...entries.values()].filter((entry) => entry.kind === "policy" && entry.type.handler !== undefined);
  const [first, second] = handlers;
  if (second !== undefined) {
    report.fault(["plugins", second.index], `is a second profile handler, beside ${first?.name}`, "keep one of them");
  }
  if (first?.kind === "policy") {
    const names = profiles.map(({ name }) => name);
    const fault = first.type.checkProfiles?.(first.spec.parameters as never, names);
    if (fault !== undefined) report.fault(["plugins", first.index], fault);
    return first.name;
  }
  if (profiles.length > 1) {
    const hint = "name a profile handler that runs several under plugins:, or keep one profile";
    report.fault(["schedulingProfiles", 1], `is the second of ${profiles.length} profiles`, hint);
  }
  return defaults.take("single-profile-handler");
}

function usedProcesses(plugins: readonly Plugin[], declared: ReadonlyMap<string, DeclaredProcess>) {
  const used = new Set(plugins.map(({ spec }) => spec.process));
  const own = plugins.flatMap(({ ownProcess }) => ownProcess ?? []);
  const shared = [...declared].flatMap(([name, { spec }]) => (used.has(name) && spec !== undefined ? [spec] : []));
  return [...shared, ...own];
}

/** Goes by what is written, so that a fault elsewhere makes nothing look unused. */
function warnUnused(
  root: Readonly<Record<string, unknown>>,
  entries: ReadonlyMap<string, ResolvedEntry>,
  processes: ReadonlyMap<string, DeclaredProcess>,
  report: Reporter,
): void {
  const profiles = listOf(root.schedulingProfiles);
  const members = profiles.flatMap((profile) => (isMap(profile) ? listOf(profile.plugins) : []));
  const listed = new Set(members.map((member) => (isMap(member) ? member.pluginRef : undefined)));
  for (const entry of entries.values()) {
    const { name, index, kind } = entry;
    if (profiles.length === 0 || kind !== "plugin" || entry.role === "producer" || listed.has(name)) continue;
    report.warn(
      ["plugins", index],
      `${name} is in no profile, so it is never asked`,
      "list it in a profile, or remove it",
    );
  }
  const used = new Set(listOf(root.plugins).map((plugin) => (isMap(plugin) ? plugin.process : undefined)));
  for (const [name, { index }] of processes) {
    if (!used.has(name)) report.warn(["processes", index], `${name} serves no plugin, so it is not started`);
  }
}
