import type { PolicySpec } from "../config/types.ts";
import { findPolicyType } from "./catalogue.ts";
import type { PolicyRole, PolicyScope, PolicyType } from "./policy-type.ts";

/** What a policy of a role is. */
export type PolicyOf<R extends PolicyRole> = ReturnType<Extract<PolicyType[R], (...args: never) => unknown>>;

/** The policies of a configuration, made when they are first asked for and kept. */
export interface Policies {
  readonly specs: readonly PolicySpec[];
  /**
   * The policy of a name in one of its roles.
   * @throws {Error} where there is none: the configuration was checked.
   */
  get<R extends "filter" | "picker" | "decider" | "detector" | "screener" | "admitter">(
    role: R,
    name: string,
  ): PolicyOf<R>;
  /** The profile handler, made anew: it holds profiles. */
  handler(name: string, scope: PolicyScope): PolicyOf<"handler">;
  /** Spec and declaration of a name. */
  find(name: string): { readonly spec: PolicySpec; readonly type: PolicyType };
}

/** @param before policies whose state goes on where type and parameters are the same. */
export function createPolicies(specs: readonly PolicySpec[], before?: Policies): Policies {
  const made = new Map<string, unknown>();
  const find = (name: string) => {
    const spec = specs.find((each) => each.name === name);
    const type = spec && findPolicyType(spec.type);
    if (spec === undefined || type === undefined) throw new Error(`there is no policy ${name}`);
    return { spec, type };
  };
  const isUnchanged = (spec: PolicySpec) => {
    const other = before?.specs.find(({ name }) => name === spec.name);
    return other?.type === spec.type && JSON.stringify(other.parameters) === JSON.stringify(spec.parameters);
  };
  return {
    specs,
    get<R extends "filter" | "picker" | "decider" | "detector" | "screener" | "admitter">(role: R, name: string) {
      const key = `${role} ${name}`;
      const known = made.get(key);
      if (known !== undefined) return known as PolicyOf<R>;
      const { spec, type } = find(name);
      const create = type[role] as ((name: string, parameters: unknown) => unknown) | undefined;
      if (create === undefined) throw new Error(`${name} is no ${role}`);
      const policy = before !== undefined && isUnchanged(spec) ? before.get(role, name) : create(name, spec.parameters);
      made.set(key, policy);
      return policy as PolicyOf<R>;
    },
    handler(name, scope) {
      const { spec, type } = find(name);
      if (type.handler === undefined) throw new Error(`${name} is no profile handler`);
      return type.handler(name, spec.parameters as never, scope);
    },
    find,
  };
}
