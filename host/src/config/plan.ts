import type { FailurePolicy, Plan, Producer, Profile, Scorer, WeightedScorer } from "@outrider/core";
import type { Policies } from "../policies/create-policies.ts";
import { createScoreMemories, type ScoreMemories } from "./score-memories.ts";
import type { HostConfig, ProfileSpec, ScorerPlace } from "./types.ts";

/** Where configured plugins are found by name. */
export interface PluginLookup {
  scorer(name: string): Scorer;
  producer(name: string): Producer;
}

/**
 * What the cycle runs by.
 * @param generation counts configurations, from 1.
 * @param memories what scorers said last; default nothing yet.
 */
export function createPlan(
  config: HostConfig,
  plugins: PluginLookup,
  policies: Policies,
  generation: number,
  memories: ScoreMemories = createScoreMemories(config),
): Plan {
  const profiles = config.profiles.map((spec) => toProfile(spec, plugins, policies, memories));
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
  memories: ScoreMemories,
): Profile {
  const places = scorers.map((place) => toWeighted(place, plugins, memories));
  const planned = filters.map((place) => ({ filter: policies.get("filter", place.name), onEmpty: place.onEmpty }));
  return { name, filters: planned, scorers: places, picker: policies.get("picker", picker) };
}

function toWeighted(place: ScorerPlace, plugins: PluginLookup, memories: ScoreMemories): WeightedScorer {
  const { name, weight, budgetMs, shadow } = place;
  return { scorer: plugins.scorer(name), weight, budgetMs, shadow, onFailure: toPolicy(place, plugins, memories) };
}

function toPolicy({ name, onFailure }: ScorerPlace, plugins: PluginLookup, memories: ScoreMemories): FailurePolicy {
  switch (onFailure.kind) {
    case "inline":
      return { kind: "inline", scorer: plugins.scorer(onFailure.scorer) };
    case "last_known":
      return { kind: "last_known", last: memories.of(name, onFailure.maxAgeMs) };
    case "abstain":
    case "neutral":
    case "fail_request":
      return { kind: onFailure.kind };
  }
}
