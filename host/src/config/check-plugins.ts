import type { FailurePolicy, Need, NeedKey } from "@outrider/core";
import type { PluginSpec, ProcessSpec } from "../plugins/types.ts";
import { type FaultPath, formatPath, quote } from "./faults.ts";
import { hostTypeParameters, hostTypes, isPicker, toPicker } from "./host-types.ts";
import { didYouMean } from "./nearest.ts";
import { checkGrant, checkNeeds, isOperatorKey } from "./need-keys.ts";
import { checkParameters } from "./parameters.ts";
import { findPlace, type Place } from "./placement.ts";
import { adviseReferenceType } from "./reference-types.ts";
import type { Reporter } from "./reporter.ts";
import type { PluginEntry } from "./schema.ts";
import type { PluginScope } from "./scope.ts";
import type { PickerSpec } from "./types.ts";
import { formatDuration } from "./units.ts";

/** A scorer or producer, checked. */
export interface ResolvedPlugin {
  readonly kind: "plugin";
  readonly spec: PluginSpec;
  /** Process of its own, for a built-in type that runs as one. */
  readonly ownProcess: ProcessSpec | undefined;
  /** `unknown` where only the process that serves it can tell. */
  readonly role: "scorer" | "producer" | "unknown";
  /** What its type asks for; `undefined` where only the process that serves it can tell. */
  readonly asks: readonly Need[] | undefined;
  /** Keys that a producer writes. */
  readonly produces: readonly string[];
  readonly onFailure: FailurePolicy;
}

/** What an entry of `plugins:` turned out to be. */
export type ResolvedEntry = { readonly name: string; readonly index: number } & (
  | ResolvedPlugin
  | { readonly kind: "picker"; readonly picker: PickerSpec }
  | { readonly kind: "handler" }
  /** Its faults are reported; what refers to it is not at fault. */
  | { readonly kind: "faulty" }
);

type Resolution = ResolvedEntry extends infer Entry
  ? Entry extends unknown
    ? Omit<Entry, "name" | "index">
    : never
  : never;

/** The only one there is so far. */
const onFailure: FailurePolicy = { kind: "abstain" };
const faulty = { kind: "faulty" } as const;

/** Fields that only plugins have. */
const pluginFields = ["placement", "process", "budget", "needs"] as const;

/**
 * Checks what goes beyond the shape of one entry; loads the declaration of a built-in type.
 */
export async function resolveEntry(
  entry: PluginEntry,
  path: FaultPath,
  scope: PluginScope,
  report: Reporter,
): Promise<Resolution> {
  const parameters = hostTypeParameters(entry.type);
  if (parameters !== undefined) return resolveHostType(entry, path, report);
  const builtin = Object.hasOwn(scope.catalogue, entry.type) ? scope.catalogue[entry.type] : undefined;
  checkFailurePolicy(entry, path, report);
  const grant = checkGrant(entry.grant, [...path, "grant"], report);
  const needs = entry.needs === undefined ? undefined : checkNeeds(entry.needs, [...path, "needs"], report);
  const budgetMs = capBudget(entry, path, scope, report);
  const place = findPlace(entry, builtin, path, scope, report);
  if (place === undefined) return faulty;
  if (place.kind === "unknown type") return unknownType(entry, path, scope, report);
  const spec = {
    name: entry.name ?? entry.type,
    type: entry.type,
    placement: place.placement,
    process: place.process,
    parameters: entry.parameters,
    budgetMs,
    needs,
    grant,
    required: entry.required,
    path: formatPath(path),
  };
  return place.kind === "served" ? resolveServed(spec, path, report) : resolveBuiltin(entry, spec, place, path, report);
}

function resolveHostType(entry: PluginEntry, path: FaultPath, report: Reporter): Resolution {
  const { type } = entry;
  for (const field of pluginFields) {
    if (entry[field] === undefined) continue;
    report.fault([...path, field], `means nothing for ${type}, which is part of the host`, "remove it", "key");
  }
  const parameters = entry.parameters ?? {};
  if (!checkParameters(hostTypeParameters(type)!, parameters, path, report)) return faulty;
  return isPicker(type)
    ? { kind: "picker", picker: toPicker(entry.name ?? type, type, parameters) }
    : { kind: "handler" };
}

function checkFailurePolicy({ onFailure }: PluginEntry, path: FaultPath, report: Reporter): void {
  if (onFailure === "abstain") return;
  const planned = /^(last_known|neutral|fail_request|inline:.+)$/.test(onFailure);
  const problem = planned ? `${quote(onFailure)} is not available yet` : `must be abstain, is ${quote(onFailure)}`;
  report.fault([...path, "onFailure"], problem, "write abstain: the other scorers decide");
}

function capBudget({ budget }: PluginEntry, path: FaultPath, { budgetMs }: PluginScope, report: Reporter): number {
  if (budget === undefined) return budgetMs;
  if (budget > budgetMs) {
    const message = `${formatDuration(budget)} is above the budget of a decision, ${formatDuration(budgetMs)}`;
    report.warn([...path, "budget"], message, `it counts as ${formatDuration(budgetMs)}; raise budget: at the top`);
  }
  return Math.min(budget, budgetMs);
}

function unknownType({ type }: PluginEntry, path: FaultPath, { catalogue }: PluginScope, report: Reporter): Resolution {
  const reference = adviseReferenceType(type);
  const served = "write process: with the name of the process that serves it";
  if (reference !== undefined) {
    report.fault([...path, "type"], `${quote(type)} of the reference EPP is not available`, reference);
  } else {
    const hint = didYouMean(type, [...Object.keys(catalogue), ...hostTypes]) || served;
    report.fault([...path, "type"], `there is no plugin type ${quote(type)}`, hint);
  }
  return faulty;
}

function resolveServed(spec: PluginSpec, path: FaultPath, report: Reporter): Resolution {
  const { parameters, needs } = spec;
  if (parameters !== undefined && (typeof parameters !== "object" || Array.isArray(parameters))) {
    report.fault([...path, "parameters"], "must be a map");
  }
  warnUngranted(needs ?? [], spec, path, report);
  return { kind: "plugin", spec, ownProcess: undefined, role: "unknown", asks: needs, produces: [], onFailure };
}

async function resolveBuiltin(
  entry: PluginEntry,
  spec: PluginSpec,
  place: Extract<Place, { kind: "builtin" }>,
  path: FaultPath,
  report: Reporter,
): Promise<Resolution> {
  const definition = await place.builtin.load();
  const valid = checkParameters(definition.config, entry.parameters ?? {}, path, report);
  if (entry.needs !== undefined) {
    report.fault([...path, "needs"], `${entry.type} says itself what it needs`, "remove it", "key");
  }
  if (!valid) return faulty;
  const asks = definition.needs.map((need) => (typeof need === "string" ? { key: need } : need));
  if (place.placement === "process") warnUngranted(asks, spec, path, report);
  const produces = definition.kind === "producer" ? definition.produces : [];
  return { kind: "plugin", spec, ownProcess: place.ownProcess, role: definition.kind, asks, produces, onFailure };
}

/** What is asked for in vain is hardly meant to be. */
function warnUngranted(asks: readonly Need[], { grant }: PluginSpec, path: FaultPath, report: Reporter): void {
  const granted = new Set<NeedKey>(grant.map(({ key }) => key));
  for (const { key } of asks) {
    if (!isOperatorKey(key) || granted.has(key)) continue;
    report.warn(path, `asks for ${key}, which only you can grant`, `write grant: [${key}]`);
  }
}
