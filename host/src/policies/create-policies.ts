import { isDeepStrictEqual } from "node:util";
import type { PolicySpec } from "../config/types.ts";
import { findPolicyType } from "./catalogue.ts";
import type { PolicyRole, PolicyScope, PolicyType } from "./policy-type.ts";

/** What a policy of a role is. */
export type PolicyOf<R extends PolicyRole> = ReturnType<Extract<PolicyType[R], (...args: never) => unknown>>;

/** Roles whose policies are kept. */
type KeptRole = "filter" | "picker" | "decider" | "detector" | "screener" | "admitter";

/** The policies of a configuration, made when they are first asked for and kept. */
export interface Policies {
  readonly specs: readonly PolicySpec[];
  /**
   * The policy of a name in one of its roles.
   * @throws {Error} where there is none: the configuration was checked.
   */
  get<R extends KeptRole>(role: R, name: string): PolicyOf<R>;
  /** The profile handler, made anew: it holds profiles. */
  handler(name: string, scope: PolicyScope): PolicyOf<"handler">;
  /** Spec and declaration of a name. */
  find(name: string): { readonly spec: PolicySpec; readonly type: PolicyType };
}

/** @param before policies whose state goes on where type and parameters are the same. */
export function createPolicies(specs: readonly PolicySpec[], before?: Policies): Policies {
  return new PolicyTable(specs, before instanceof PolicyTable ? before : undefined);
}

class PolicyTable implements Policies {
  readonly specs: readonly PolicySpec[];
  readonly #byName: ReadonlyMap<string, PolicySpec>;
  /** By name, then by role. */
  readonly #made = new Map<string, Map<PolicyRole, unknown>>();

  /** Takes what goes on out of the one before and lets go of that: configurations come without end. */
  constructor(specs: readonly PolicySpec[], before: PolicyTable | undefined) {
    this.specs = specs;
    this.#byName = new Map(specs.map((spec) => [spec.name, spec]));
    for (const spec of specs) {
      this.#made.set(spec.name, new Map(before === undefined ? [] : before.#goesOn(spec)));
    }
  }

  get<R extends KeptRole>(role: R, name: string): PolicyOf<R> {
    const { spec, type } = this.find(name);
    const made = this.#made.get(name)!;
    if (!made.has(role)) {
      const create = type[role] as ((name: string, parameters: unknown) => unknown) | undefined;
      if (create === undefined) throw new Error(`${name} is no ${role}`);
      made.set(role, create(name, spec.parameters));
    }
    return made.get(role) as PolicyOf<R>;
  }

  handler(name: string, scope: PolicyScope): PolicyOf<"handler"> {
    const { spec, type } = this.find(name);
    if (type.handler === undefined) throw new Error(`${name} is no profile handler`);
    return type.handler(name, spec.parameters as never, scope);
  }

  find(name: string): { readonly spec: PolicySpec; readonly type: PolicyType } {
    const spec = this.#byName.get(name);
    const type = spec && findPolicyType(spec.type);
    if (spec === undefined || type === undefined) throw new Error(`there is no policy ${name}`);
    return { spec, type };
  }

  /** What was made of a spec, where this table has the same. */
  #goesOn({ name, type, parameters }: PolicySpec): Iterable<readonly [PolicyRole, unknown]> {
    const own = this.#byName.get(name);
    const isSame = own?.type === type && isDeepStrictEqual(own.parameters, parameters);
    return isSame ? (this.#made.get(name) ?? []) : [];
  }
}
