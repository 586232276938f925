import { findPolicyType } from "../policies/catalogue.ts";
import type { ResolvedEntry } from "./check-plugins.ts";
import type { PolicySpec } from "./types.ts";

/** Policies that stand where the configuration names none. */
export interface DefaultPolicies {
  /** Name of a policy of a type: the entry that bears its type's name, else one that is added. */
  take(type: string): string;
  /** Those that were added, in the order in which they were taken. */
  specs(): readonly PolicySpec[];
}

/** @param entries whose names the added ones must not bear. */
export function createDefaultPolicies(entries: ReadonlyMap<string, ResolvedEntry>): DefaultPolicies {
  const added = new Map<string, PolicySpec>();
  return {
    take(type) {
      if (entries.get(type)?.typeName === type) return type;
      const spec = added.get(type) ?? toSpec(type, entries);
      if (spec !== undefined) added.set(type, spec);
      return spec?.name ?? type;
    },
    specs: () => [...added.values()],
  };
}

function toSpec(type: string, entries: ReadonlyMap<string, ResolvedEntry>): PolicySpec | undefined {
  const parameters = findPolicyType(type)?.parameters.safeParse({});
  if (parameters?.success !== true) return undefined;
  return { name: entries.has(type) ? `${type}/default` : type, type, parameters: parameters.data };
}
