import {
  createLastScores,
  type FailurePolicy,
  type LastScores,
  type Plan,
  type Producer,
  type Profile,
  type Scorer,
  type WeightedScorer,
} from "@outrider/core";
import type { Policies } from "../policies/create-policies.ts";
import type { HostConfig, ProfileSpec, ScorerPlace } from "./types.ts";

/** Where configured plugins are found by name. */
export interface PluginLookup {
  scorer(name: string): Scorer;
  producer(name: string): Producer;
}

/**
 * What the cycle runs by.
 * @param generation counts configurations, from 1.
 */
export function createPlan(config: HostConfig, plugins: PluginLookup, policies: Policies, generation: number): Plan {
  const lastScores = new Map<string, LastScores>();
  const profiles = config.profiles.map((spec) => toProfile(spec, plugins, policies, lastScores));
  return {
    generation,
    budgetMs: config.budgetMs,
    waves: config.waves.map((wave) =>
      wave.map(({ name, budgetMs }) => ({ producer: plugins.producer(name), budgetMs })),
    ),
    profiles,
    admitters: config.admitters.map((name) => policies.get("admitter", name)),
    handler: policies.handler(config.handler, { profiles, decider: (name) => policies.get("decider", name) }),
    readsInflight: config.readsInflight,
  };
}

function toProfile(
  { name, filters, scorers, picker }: ProfileSpec,
  plugins: PluginLookup,
  policies: Policies,
  lastScores: Map<string, LastScores>,
): Profile {
  const places = scorers.map((place) => toWeighted(place, plugins, lastScores));
  const planned = filters.map((place) => ({ filter: policies.get("filter", place.name), onEmpty: place.onEmpty }));
  return { name, filters: planned, scorers: places, picker: policies.get("picker", picker) };
}

function toWeighted(place: ScorerPlace, plugins: PluginLookup, lastScores: Map<string, LastScores>): WeightedScorer {
  const { name, weight, budgetMs, shadow } = place;
  return { scorer: plugins.scorer(name), weight, budgetMs, shadow, onFailure: toPolicy(place, plugins, lastScores) };
}

/** @param lastScores by scorer: one memory for all profiles that it is in. */
function toPolicy(
  { name, onFailure }: ScorerPlace,
  plugins: PluginLookup,
  lastScores: Map<string, LastScores>,
): FailurePolicy {
  switch (onFailure.kind) {
    case "inline":
      return { kind: "inline", scorer: plugins.scorer(onFailure.scorer) };
    case "last_known": {
      const last = lastScores.get(name) ?? createLastScores(onFailure.maxAgeMs);
      lastScores.set(name, last);
      return { kind: "last_known", last };
    }
    case "abstain":
    case "neutral":
    case "fail_request":
      return { kind: onFailure.kind };
  }
}
