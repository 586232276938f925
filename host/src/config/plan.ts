import {
  createMaxScorePicker,
  createRandomPicker,
  createSingleProfileHandler,
  createWeightedRandomPicker,
  type Picker,
  type Plan,
  type Producer,
  type Profile,
  type Scorer,
} from "@outrider/core";
import type { HostConfig, PickerSpec, ProfileSpec } from "./types.ts";

/** Where configured plugins are found by name. */
export interface PluginLookup {
  scorer(name: string): Scorer;
  producer(name: string): Producer;
}

/**
 * What the cycle runs by.
 * @param generation counts configurations, from 1.
 */
export function createPlan(config: HostConfig, plugins: PluginLookup, generation: number): Plan {
  const profiles = config.profiles.map((spec) => toProfile(spec, plugins));
  return {
    generation,
    budgetMs: config.budgetMs,
    waves: config.waves.map((wave) =>
      wave.map(({ name, budgetMs }) => ({ producer: plugins.producer(name), budgetMs })),
    ),
    profiles,
    handler: createSingleProfileHandler(config.handler, profiles[0]!),
    readsInflight: config.readsInflight,
  };
}

function toProfile({ name, scorers, picker }: ProfileSpec, plugins: PluginLookup): Profile {
  return {
    name,
    filters: [],
    scorers: scorers.map((place) => {
      const { weight, budgetMs, onFailure } = place;
      return { scorer: plugins.scorer(place.name), weight, budgetMs, onFailure, shadow: false };
    }),
    picker: toPicker(picker),
  };
}

function toPicker(spec: PickerSpec): Picker {
  const { name, maxEndpoints: maxNumOfEndpoints } = spec;
  switch (spec.type) {
    case "max-score-picker":
      return createMaxScorePicker(name, { maxNumOfEndpoints, tieBreak: spec.tieBreak });
    case "random-picker":
      return createRandomPicker(name, { maxNumOfEndpoints });
    case "weighted-random-picker":
      return createWeightedRandomPicker(name, { maxNumOfEndpoints });
  }
}
