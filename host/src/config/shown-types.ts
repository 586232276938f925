import type { PluginCatalogue } from "../plugins/types.ts";
import { policyTypes } from "../policies/catalogue.ts";
import { type PolicyRole, rolesOf } from "../policies/policy-type.ts";
import type { FieldDocs, KnownType } from "./json-schema.ts";

/** What a plugin type can be. */
export type TypeRole = PolicyRole | "scorer" | "producer";

/** A plugin type as users are shown it. */
export interface ShownType extends KnownType {
  readonly roles: readonly TypeRole[];
  /** What it does. */
  readonly about: string;
  /** What to say to whoever writes it; `undefined` = nothing. */
  readonly notice: string | undefined;
}

/** What is written of a type where it is declared. */
export interface TypeDocs {
  /** Docstring of the declaration; empty = none. */
  readonly about: string;
  /** Docstrings of its parameters. */
  readonly parameters: FieldDocs;
}

/** Every type that a configuration may name by itself: plugins, then policies. @param docs by type. */
export async function collectTypes(
  catalogue: PluginCatalogue,
  docs: ReadonlyMap<string, TypeDocs>,
): Promise<readonly ShownType[]> {
  const docsOf = (type: string): FieldDocs => docs.get(type)?.parameters ?? new Map();
  const plugins = Object.entries(catalogue).map(async ([type, builtin]): Promise<ShownType> => {
    const { kind, config } = await builtin.load();
    const about = docs.get(type)?.about ?? "";
    return { type, roles: [kind], about, notice: undefined, parameters: config, docs: docsOf(type) };
  });
  const policies = policyTypes.map((policy): ShownType => {
    const { type, about, notice, parameters } = policy;
    return { type, roles: rolesOf(policy), about, notice, parameters, docs: docsOf(type) };
  });
  return [...(await Promise.all(plugins)), ...policies];
}
