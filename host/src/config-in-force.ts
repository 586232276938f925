import { type Need, OutriderError, type Plan } from "@outrider/core";
import type { Logger } from "pino";
import { createPlan } from "./config/plan.ts";
import type { HostConfig } from "./config/types.ts";
import type { PluginRuntime, PluginSetup } from "./plugins/types.ts";
import { createPolicies } from "./policies/create-policies.ts";

/** The configuration that decisions are made by, and how it changes. */
export interface ConfigInForce {
  readonly config: HostConfig;
  readonly plan: Plan;
  /** Counts configurations, from 1. */
  readonly generation: number;
  /** What plugins were granted and what the configuration itself reads; another array when either changes. */
  readonly granted: readonly Need[];
  /** When it came into force, Unix ms. */
  readonly loadedAtMs: number;
  /**
   * Puts another configuration in force: what differs starts beside what runs, and is swapped in whole between two
   * decisions. One change at a time.
   * @throws {OutriderError} why it cannot; the old one stays in force then.
   */
  change(to: HostConfig): Promise<void>;
  /** The configuration that a plan was made of. */
  configOf(plan: Plan): HostConfig;
}

/** What a configuration needs to come into force. */
export interface ConfigParts {
  readonly plugins: PluginRuntime;
  readonly log: Logger;
  /** A configuration came into force. */
  readonly loaded: (generation: number, atMs: number) => void;
}

/** What of a configuration the plugin runtime is told. */
export function toPluginSetup({ plugins, processes, workers, budgetMs }: HostConfig): PluginSetup {
  return { specs: plugins, processes, workers, decisionBudgetMs: budgetMs };
}

/** Begins with generation 1, whose plugins the runtime was made with. */
export function createConfigInForce(config: HostConfig, { plugins, log, loaded }: ConfigParts): ConfigInForce {
  const first = createPolicies(config.policies);
  let current = { config, policies: first, plan: createPlan(config, plugins, first, 1), loadedAtMs: Date.now() };
  const granted = joinNeeds(
    () => plugins.granted,
    () => current.config.needs,
  );
  let isChanging = false;
  const configs = new WeakMap([[current.plan, config]]);
  loaded(1, current.loadedAtMs);
  const change = async (to: HostConfig) => {
    const prepared = await plugins.prepare(toPluginSetup(to));
    const generation = current.plan.generation + 1;
    const policies = createPolicies(to.policies, current.policies);
    const plan = createPlan(to, prepared, policies, generation);
    const next = { config: to, policies, plan, loadedAtMs: Date.now() };
    prepared.commit();
    current = next;
    configs.set(next.plan, to);
    loaded(generation, next.loadedAtMs);
    log.info({ generation, comparisons: prepared.comparisons }, "another configuration is in force");
  };
  return {
    get config() {
      return current.config;
    },
    get plan() {
      return current.plan;
    },
    get generation() {
      return current.plan.generation;
    },
    get granted() {
      return granted();
    },
    get loadedAtMs() {
      return current.loadedAtMs;
    },
    async change(to) {
      if (isChanging) throw new OutriderError("CONFIG_INVALID", "another change is under way: try again behind it");
      isChanging = true;
      try {
        await change(to);
      } finally {
        isChanging = false;
      }
    },
    configOf: (plan) => configs.get(plan) ?? current.config,
  };
}

/** Both together, the same array until one of them is another. */
function joinNeeds(one: () => readonly Need[], other: () => readonly Need[]): () => readonly Need[] {
  let known = { one: one(), other: other(), both: [...one(), ...other()] };
  return () => {
    if (known.one !== one() || known.other !== other()) {
      known = { one: one(), other: other(), both: [...one(), ...other()] };
    }
    return known.both;
  };
}
