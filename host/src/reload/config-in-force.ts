import { setImmediate as nextTurn } from "node:timers/promises";
import type { CycleClock, Need, Plan } from "@outrider/core";
import type { Logger } from "pino";
import { createPlan, type PluginLookup } from "../config/plan.ts";
import { createScoreMemories, type ScoreMemories } from "../config/score-memories.ts";
import type { HostConfig } from "../config/types.ts";
import type { DataLayer } from "../datalayer/data-layer.ts";
import type { PluginRuntime, PluginSetup } from "../plugins/types.ts";
import { createPolicies, type Policies } from "../policies/create-policies.ts";
import type { InForce } from "../scheduling/in-force.ts";
import { createRequestRules } from "../scheduling/request-rules.ts";
import { type LimitedWeights, withWeights } from "./limited-weights.ts";

/** The configuration that decisions are made by, and how it changes. */
export interface ConfigInForce {
  /** As it was read: without weights for a limited time. */
  readonly config: HostConfig;
  readonly plan: Plan;
  /** What decisions are made by: another object when something in it changes, to be read once a decision. */
  readonly current: InForce;
  /** Counts configurations, from 1. */
  readonly generation: number;
  /** What plugins were granted and what the configuration itself reads; another array when either changes. */
  readonly granted: readonly Need[];
  /** When it came into force, Unix ms. */
  readonly loadedAtMs: number;
  /** Weights that count in the place of the configuration's, those of a profile at most once. */
  readonly limited: readonly LimitedWeights[];
  /**
   * Puts another configuration in force: what differs starts beside what runs, and is swapped in whole between two
   * decisions. Weights for a limited time end with it. Not to be called before the change before has ended.
   * @returns its generation.
   * @throws {OutriderError} why it cannot; the old one stays in force then.
   */
  change(to: HostConfig): Promise<number>;
  /** Has these weights count from the next decision on; they have been checked. The time is somebody else's to keep. */
  weigh(limited: readonly LimitedWeights[]): void;
}

/** What a configuration needs to come into force. */
export interface ConfigParts {
  readonly plugins: Pick<PluginRuntime, "scorer" | "producer" | "granted" | "prepare">;
  readonly dataLayer: Pick<DataLayer, "prepare">;
  readonly clock: CycleClock;
  readonly log: Logger;
  /** A configuration came into force. */
  readonly loaded: (generation: number, atMs: number) => void;
}

/** One configuration, and all that was made of it. */
interface Current extends InForce {
  readonly config: HostConfig;
  readonly policies: Policies;
  readonly memories: ScoreMemories;
  readonly loadedAtMs: number;
  readonly limited: readonly LimitedWeights[];
}

/** What of a configuration the plugin runtime is told. */
export function toPluginSetup({ plugins, processes, workers, budgetMs }: HostConfig): PluginSetup {
  return { specs: plugins, processes, workers, decisionBudgetMs: budgetMs };
}

/** Begins with generation 1, whose plugins the runtime was made with. */
export function createConfigInForce(config: HostConfig, parts: ConfigParts): ConfigInForce {
  const { plugins, dataLayer, clock, log, loaded } = parts;
  const make = (to: HostConfig, from: PluginLookup, policies: Policies, before?: Current): Current => {
    const memories = createScoreMemories(to, before?.memories);
    const plan = createPlan(to, from, policies, (before?.plan.generation ?? 0) + 1, memories);
    const rules = createRequestRules(to.requests, policies, before?.rules);
    const { responses } = to;
    return { config: to, policies, memories, plan, rules, responses, loadedAtMs: clock.nowMs(), limited: [] };
  };
  let current = make(config, plugins, createPolicies(config.policies));
  const granted = joinNeeds(
    () => plugins.granted,
    () => current.config.needs,
  );
  /** In turns of its own each, so that decisions go on between them. */
  const prepare = async (to: HostConfig) => {
    const prepared = await plugins.prepare(toPluginSetup(to));
    try {
      const settings = await dataLayer.prepare(to.dataLayer);
      try {
        await nextTurn();
        const policies = createPolicies(to.policies, current.policies);
        await nextTurn();
        const next = make(to, prepared, policies, current);
        await nextTurn();
        return { prepared, settings, next };
      } catch (cause) {
        settings.discard();
        throw cause;
      }
    } catch (cause) {
      await prepared.discard();
      throw cause;
    }
  };
  loaded(1, current.loadedAtMs);
  return {
    get config() {
      return current.config;
    },
    get plan() {
      return current.plan;
    },
    get current() {
      return current;
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
    get limited() {
      return current.limited;
    },
    async change(to) {
      const { prepared, settings, next } = await prepare(to);
      prepared.commit();
      current = next;
      settings.apply();
      const { generation } = current.plan;
      loaded(generation, current.loadedAtMs);
      log.info({ generation, comparisons: prepared.comparisons }, "another configuration is in force");
      return generation;
    },
    weigh(limited) {
      const { config: own, policies, memories } = current;
      const plan = createPlan(withWeights(own, limited), plugins, policies, current.plan.generation, memories);
      current = { ...current, plan, limited };
    },
  };
}

/** Both together, the same array until one of them is another. */
function joinNeeds(one: () => readonly Need[], other: () => readonly Need[]): () => readonly Need[] {
  const join = () => ({ one: one(), other: other(), both: [...one(), ...other()] });
  let known = join();
  return () => {
    if (known.one !== one() || known.other !== other()) known = join();
    return known.both;
  };
}
