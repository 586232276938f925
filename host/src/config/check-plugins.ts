import { isIP } from "node:net";
import {
  type AnyDefinition,
  type Need,
  type NeedKey,
  type SessionPinning,
  toNeeds,
  toNeedsBesides,
} from "@outrider/core";
import type { PluginSpec, ProcessSpec } from "../plugins/types.ts";
import { findPolicyType, policyTypes } from "../policies/catalogue.ts";
import { type CheckedFailure, checkFailurePolicy } from "./check-failure.ts";
import { checkModule } from "./check-module.ts";
import { type CheckedPolicy, resolvePolicy } from "./check-policy.ts";
import { type FaultPath, formatPath, quote } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import { checkGrant, checkNeeds, isOperatorKey } from "./need-keys.ts";
import { checkParameters } from "./parameters.ts";
import { findPlace, type Place } from "./placement.ts";
import { reportRefusedParameters } from "./refused-fields.ts";
import { findRefusedType } from "./refused-types.ts";
import type { Reporter } from "./reporter.ts";
import type { PluginEntry } from "./schema.ts";
import type { PluginScope } from "./scope.ts";
import { formatDuration } from "./units.ts";

/** A scorer or producer, checked. */
export interface ResolvedPlugin extends CheckedFailure {
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
  /** Whether a scorer is only asked and recorded. */
  readonly shadow: boolean;
  /** How the host pins sessions for a scorer; absent = it asks for none. */
  readonly pinning?: SessionPinning | undefined;
}

/** Where an entry of `plugins:` stands and what it is called. */
interface EntryPlace {
  readonly name: string;
  readonly index: number;
  /** `type:` as it is written; empty where it has none. */
  readonly typeName: string;
}

/** What an entry of `plugins:` turned out to be. */
export type ResolvedEntry = EntryPlace &
  (
    | ResolvedPlugin
    | CheckedPolicy
    /** Its faults are reported; what refers to it is not at fault. */
    | { readonly kind: "faulty" }
  );

type Resolution = ResolvedEntry extends infer Entry
  ? Entry extends unknown
    ? Omit<Entry, keyof EntryPlace>
    : never
  : never;

const faulty = { kind: "faulty" } as const;

/** What every plugin has, whatever declares its type. */
interface Common extends CheckedFailure {
  readonly kind: "plugin";
  readonly spec: PluginSpec;
  readonly shadow: boolean;
}

/**
 * Checks what goes beyond the shape of one entry; loads the declaration of a built-in type.
 */
export async function resolveEntry(
  entry: PluginEntry,
  path: FaultPath,
  scope: PluginScope,
  report: Reporter,
): Promise<Resolution> {
  const policy = findPolicyType(entry.type);
  if (policy !== undefined) return resolvePolicy(entry, policy, path, report) ?? faulty;
  const builtin = Object.hasOwn(scope.catalogue, entry.type) ? scope.catalogue[entry.type] : undefined;
  const failure = await checkFailurePolicy(entry, path, scope, report);
  const grant = checkGrant(entry.grant, [...path, "grant"], report);
  const needs = entry.needs === undefined ? undefined : checkNeeds(entry.needs, [...path, "needs"], report);
  warnBudget(entry, path, scope, report);
  const place = findPlace(entry, builtin, path, scope, report);
  if (place === undefined) return faulty;
  if (place.kind === "unknown type") return unknownType(entry, path, scope, report);
  const spec: PluginSpec = {
    name: entry.name ?? entry.type,
    type: entry.type,
    placement: place.placement,
    process: place.kind === "module" ? undefined : place.process,
    parameters: entry.parameters,
    budgetMs: capBudget(entry, "scorer", scope),
    needs,
    grant,
    required: entry.required,
    path: formatPath(path),
  };
  const common = { kind: "plugin", spec, shadow: entry.shadow, ...failure } as const;
  switch (place.kind) {
    case "served":
      return resolveServed(entry, common, path, scope, report);
    case "module":
      return resolveModule(entry, common, place.file, path, scope, report);
    case "builtin":
      return resolveBuiltin(entry, common, place, path, scope, report);
  }
}

function capBudget({ budget }: PluginEntry, role: "scorer" | "producer", { budgets }: PluginScope): number {
  const { decisionMs = Number.POSITIVE_INFINITY, scorerMs, producerMs } = budgets;
  return Math.min(budget ?? (role === "producer" ? producerMs : scorerMs), decisionMs);
}

function warnBudget({ budget }: PluginEntry, path: FaultPath, { budgets }: PluginScope, report: Reporter): void {
  const { decisionMs } = budgets;
  if (budget === undefined || decisionMs === undefined || budget <= decisionMs) return;
  const message = `${formatDuration(budget)} is above the budget of a decision, ${formatDuration(decisionMs)}`;
  report.warn([...path, "budget"], message, `it counts as ${formatDuration(decisionMs)}; raise budget: at the top`);
}

function unknownType({ type }: PluginEntry, path: FaultPath, { catalogue }: PluginScope, report: Reporter): Resolution {
  const refused = findRefusedType(type);
  const served =
    "write process: with the name of the process that serves it, or module: with the file that declares it";
  if (refused !== undefined) {
    const message = `${quote(type)} of the reference EPP is not available: ${refused.reason}`;
    report.fault([...path, "type"], message, refused.remedy);
  } else {
    const known = [...Object.keys(catalogue), ...policyTypes.map((each) => each.type)];
    report.fault([...path, "type"], `there is no plugin type ${quote(type)}`, didYouMean(type, known) || served);
  }
  return faulty;
}

async function resolveServed(
  { type, onEmpty }: PluginEntry,
  common: Common,
  path: FaultPath,
  scope: PluginScope,
  report: Reporter,
): Promise<Resolution> {
  const { spec } = common;
  const { parameters, needs } = spec;
  if (parameters !== undefined && (typeof parameters !== "object" || Array.isArray(parameters))) {
    report.fault([...path, "parameters"], "must be a map");
  }
  if (onEmpty !== undefined) {
    report.fault([...path, "onEmpty"], `means nothing for ${type}, which is no filter`, "remove it", "key");
  }
  warnUngranted(needs ?? [], spec, path, report);
  await warnSplitState(spec, path, scope, report);
  return { ...common, ownProcess: undefined, role: "unknown", asks: needs, produces: [] };
}

async function resolveBuiltin(
  entry: PluginEntry,
  common: Common,
  place: Extract<Place, { kind: "builtin" }>,
  path: FaultPath,
  scope: PluginScope,
  report: Reporter,
): Promise<Resolution> {
  const definition = await place.builtin.load();
  if (reportRefusedParameters(entry.type, entry.parameters, path, report)) return faulty;
  const parameters = checkParameters(definition.config, entry.parameters ?? {}, path, report);
  if (!checkDeclared(entry, definition, path, report) || !parameters.valid) return faulty;
  const asks = toNeeds(definition, entry.parameters);
  const besides = toNeedsBesides(definition, entry.parameters);
  if (place.placement === "process") warnUngranted(asks, common.spec, path, report);
  const produces = definition.kind === "producer" ? definition.produces : [];
  const needs = besides.length === 0 ? undefined : besides;
  const spec = { ...common.spec, needs, budgetMs: capBudget(entry, definition.kind, scope) };
  const pinning = definition.kind === "scorer" ? definition.pinning?.(parameters.value as never) : undefined;
  return { ...common, spec, ownProcess: place.ownProcess, role: definition.kind, asks, produces, pinning };
}

async function resolveModule(
  entry: PluginEntry,
  common: Common,
  file: string,
  path: FaultPath,
  scope: PluginScope,
  report: Reporter,
): Promise<Resolution> {
  const module = await checkModule(entry, file, path, scope.folder, report);
  if (module === undefined || !checkDeclared(entry, module.type, path, report)) return faulty;
  const { kind: role, needs: asks, produces } = module.type;
  const spec = { ...common.spec, module: module.path, budgetMs: capBudget(entry, role, scope) };
  warnUngranted(asks, spec, path, report);
  return { ...common, spec, ownProcess: undefined, role, asks, produces };
}

/** Checks what only means something for some types, where it is known what the type is. */
function checkDeclared(
  { type, needs, shadow, onFailure, onEmpty }: PluginEntry,
  { kind }: Pick<AnyDefinition, "kind">,
  path: FaultPath,
  report: Reporter,
): boolean {
  const faults = [
    { field: "needs", given: needs !== undefined, message: `${type} says itself what it needs` },
    { field: "onEmpty", given: onEmpty !== undefined, message: `means nothing for ${type}, which is no filter` },
    {
      field: "shadow",
      given: shadow && kind === "producer",
      message: `means nothing for ${type}, which is a producer`,
    },
    {
      field: "onFailure",
      given: onFailure !== "abstain" && kind === "producer",
      message: `means nothing for ${type}, which is a producer: what it does not write is unknown`,
    },
  ].filter(({ given }) => given);
  for (const { field, message } of faults) report.fault([...path, field], message, "remove it", "key");
  return faults.every(({ field }) => field === "needs");
}

/** A state of its own in each of several replicas is a part of what one would know; only our own types tell. */
async function warnSplitState(
  { type, process, placement }: PluginSpec,
  path: FaultPath,
  { catalogue, processes }: PluginScope,
  report: Reporter,
): Promise<void> {
  const spec = processes.get(process ?? "")?.spec;
  if (placement !== "remote" || spec?.kind !== "url" || !Object.hasOwn(catalogue, type)) return;
  const { hostname } = URL.canParse(spec.url) ? new URL(spec.url) : { hostname: "" };
  const isOne = hostname === "" || hostname === "localhost" || isIP(hostname.replace(/^\[|\]$/g, "")) > 0;
  if (isOne || (await catalogue[type]!.load()).state !== "local") return;
  const message = `${type} keeps its state where it runs: each address of ${hostname} learns of its own calls alone`;
  report.warn(path, message, "fine where it has one address");
}

/** What is asked for in vain is hardly meant to be. */
function warnUngranted(asks: readonly Need[], { grant }: PluginSpec, path: FaultPath, report: Reporter): void {
  const granted = new Set<NeedKey>(grant.map(({ key }) => key));
  for (const { key } of asks) {
    if (!isOperatorKey(key) || granted.has(key)) continue;
    report.warn(path, `asks for ${key}, which only you can grant`, `write grant: [${key}]`);
  }
}
