import { type Need, type NeedKey, needKeys, toNeeds } from "@outrider/core/contract";
import type { HostConfig } from "../config/types.ts";
import type { PluginCatalogue, PluginSpec } from "../plugins/types.ts";
import { findPolicyType } from "../policies/catalogue.ts";

/** Somebody who reads something of requests, endpoints or responses. */
export interface Reader {
  readonly name: string;
  /** What it gets of what it asks for. */
  readonly needs: readonly Need[];
}

/** Those who read, and names of plugins that say only when they start what they read. */
export interface Readers {
  readonly readers: readonly Reader[];
  readonly untold: readonly string[];
}

/** Name of what the configuration reads for itself, beside its policies. */
const rules = "rules of requests";

/** Everybody who reads, plugins first. */
export async function collectReaders(config: HostConfig, catalogue: PluginCatalogue): Promise<Readers> {
  const plugins = await Promise.all(config.plugins.map((spec) => readerOf(spec, catalogue)));
  const policies = config.policies.map(({ name, type, parameters }) => ({
    name,
    needs: (findPolicyType(type)?.needs?.(parameters as never) ?? []).map(toNeed),
  }));
  const told = [...plugins.filter((reader) => reader !== undefined), ...policies];
  const known = new Set(policies.flatMap(({ needs }) => needs.map(({ key }) => key)));
  const own = { name: rules, needs: config.needs.filter(({ key }) => !known.has(key)) };
  return {
    readers: [...told, own].filter(({ needs }) => needs.length > 0),
    untold: config.plugins.filter((_, i) => plugins[i] === undefined).map(({ name }) => name),
  };
}

async function readerOf(spec: PluginSpec, catalogue: PluginCatalogue): Promise<Reader | undefined> {
  const { name, type, placement, module, grant, process, parameters } = spec;
  const isBuiltin =
    module === undefined && Object.hasOwn(catalogue, type) && (process === undefined || process === name);
  const asked = isBuiltin ? toNeeds(await catalogue[type]!.load(), parameters) : spec.needs;
  if (asked === undefined) return undefined;
  const granted = new Set<NeedKey>(grant.map(({ key }) => key));
  const isTrusted = isBuiltin && (placement === "inline" || placement === "worker");
  return { name, needs: asked.filter(({ key }) => isTrusted || granted.has(key) || !isOperatorKey(key)) };
}

function isOperatorKey(key: string): boolean {
  return Object.hasOwn(needKeys, key) && needKeys[key as keyof typeof needKeys].grant === "operator";
}

function toNeed(need: NeedKey | Need): Need {
  return typeof need === "string" ? { key: need } : need;
}
