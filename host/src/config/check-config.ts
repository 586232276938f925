import type { Need } from "@outrider/core";
import { type DataLayerSettings, defaultModelsPage } from "../datalayer/settings.ts";
import type { PluginCatalogue } from "../plugins/types.ts";
import { addBesideFilters } from "./beside-filters.ts";
import { toBudgets, toDecisionMs } from "./budgets.ts";
import { checkDataLayer } from "./check-data-layer.ts";
import { checkGates } from "./check-gates.ts";
import { checkHandler } from "./check-handler.ts";
import { checkProcesses, type DeclaredProcess } from "./check-processes.ts";
import { checkProfiles } from "./check-profiles.ts";
import { checkRefs } from "./check-refs.ts";
import { checkRequests, namesOf, needsOfRules } from "./check-requests.ts";
import { checkResponses } from "./check-responses.ts";
import { checkShape } from "./check-shape.ts";
import { createDefaultPolicies } from "./default-policies.ts";
import { type Entries, type PluginEntryOf, pluginsOf, policiesOf } from "./entries.ts";
import { addProducers, needsOfPolicy } from "./implied-producers.ts";
import { isMap, listOf, withoutEmpty } from "./plain.ts";
import type { Reporter } from "./reporter.ts";
import { checkPlugins, resolveEntries } from "./resolve-entries.ts";
import { salvage } from "./salvage.ts";
import { endpointPickerConfig, profileEntry, workersEntry } from "./schema.ts";
import type { HostConfig, ProfileSpec, RequestSpec } from "./types.ts";
import { warnUnscraped } from "./warn-unscraped.ts";
import { warnUnused } from "./warn-unused.ts";
import { planWaves } from "./waves.ts";

/** What a configuration says, apart from where it came from. */
export type Settings = Omit<HostConfig, "source">;

const { shape } = endpointPickerConfig;

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
  const budgets = toBudgets(root.apiVersion, salvage(shape.budget, root.budget));
  const responses = salvage(shape.responses, root.responses) ?? "auto";
  const { threads, memory: memoryMb } = salvage(workersEntry, root.workers ?? {}) ?? workersEntry.parse({});
  checkGates(salvage(shape.featureGates, root.featureGates) ?? [], report);
  const processes = await checkProcesses(listOf(root.processes), folder, report);
  const scope = { catalogue, processes, budgets, folder };
  const given = await resolveEntries(listOf(root.plugins), scope, report);
  const entries = await addProducers(addBesideFilters(given, report), scope, report);
  const plugins = pluginsOf(entries);
  const waves = planWaves(entries.values(), report);
  checkPlugins(entries, report);
  checkResponses(responses, plugins, report);
  const { settings, used, ...rest } = checkPolicies(root, entries, folder, report);
  warnUnused(root, entries, processes, used, report);
  warnUnscraped(entries, settings, report);
  const asked = [...rest.needs, ...plugins.flatMap(asksOf)];
  return {
    ...rest,
    budgetMs: toDecisionMs(budgets, waves, rest.profiles),
    responses,
    workers: { threads, memoryMb },
    processes: usedProcesses(plugins, processes),
    plugins: plugins.flatMap(({ spec, fallback }) => (fallback === undefined ? [spec] : [spec, fallback.spec])),
    waves,
    dataLayer: withModels(settings, asked),
    readsInflight: plugins.some(({ asks }) => asks === undefined) || asked.some(isInflight),
  };
}

/** What of a configuration is made of policies. */
interface CheckedPolicies
  extends Pick<HostConfig, "profiles" | "policies" | "handler" | "admitters" | "requests" | "needs"> {
  readonly settings: DataLayerSettings;
  /** Names of policies that take part. */
  readonly used: ReadonlySet<string>;
}

function checkPolicies(
  root: Readonly<Record<string, unknown>>,
  entries: Entries,
  folder: string,
  report: Reporter,
): CheckedPolicies {
  const defaults = createDefaultPolicies(entries);
  const written = listOf(root.schedulingProfiles).map((item) => salvage(profileEntry, item));
  const profiles = checkProfiles(written, entries, defaults, report);
  const handler = checkHandler(entries, profiles, defaults, report);
  const named = checkRefs(entries, report);
  const requests = checkRequests(root, entries, defaults, profiles, report);
  const data = checkDataLayer(salvage(shape.dataLayer, root.dataLayer), entries, folder, report);
  const policies = [...policiesOf(entries).map(({ spec }) => spec), ...defaults.specs()];
  return {
    profiles,
    policies,
    handler,
    admitters: namesOf(entries, "admitter"),
    requests,
    needs: [...policies.flatMap(needsOfPolicy), ...needsOfRules(requests)],
    settings: data.settings,
    used: new Set([...named, ...data.used, ...namedBy(profiles, requests)]),
  };
}

function namedBy(profiles: readonly ProfileSpec[], { parsers, detector }: RequestSpec): readonly string[] {
  const inProfiles = profiles.flatMap(({ filters, picker }) => [...filters.map(({ name }) => name), picker]);
  return [...inProfiles, ...parsers, detector];
}

function asksOf({ asks = [], fallback }: PluginEntryOf): readonly Need[] {
  return [...asks, ...(fallback?.asks ?? [])];
}

function isInflight({ key }: Need): boolean {
  return key.startsWith("inflight_");
}

/** Lists of models are fetched as soon as somebody reads them. */
function withModels(settings: DataLayerSettings, asked: readonly Need[]): DataLayerSettings {
  const isRead = asked.some(({ key, names }) => key === "endpoint.sets" && (names?.includes("models") ?? true));
  return isRead && settings.models === undefined ? { ...settings, models: defaultModelsPage } : settings;
}

function usedProcesses(plugins: readonly PluginEntryOf[], declared: ReadonlyMap<string, DeclaredProcess>) {
  const used = new Set(plugins.map(({ spec }) => spec.process));
  const own = plugins.flatMap(({ ownProcess }) => ownProcess ?? []);
  const shared = [...declared].flatMap(([name, { spec }]) => (used.has(name) && spec !== undefined ? [spec] : []));
  return [...shared, ...own];
}
