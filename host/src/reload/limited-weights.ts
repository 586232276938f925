import type { HostConfig, ProfileSpec, ScorerPlace } from "../config/types.ts";

/** Weights that count for a while in the place of the configuration's. */
export interface LimitedWeights {
  readonly profile: string;
  /** By scorer; those that are not in it keep the configuration's. */
  readonly weights: ReadonlyMap<string, number>;
  /** Unix ms. */
  readonly endsAtMs: number;
}

/** A scorer's share, as configured and as it counts now. */
export interface WeightInForce {
  readonly profile: string;
  readonly scorer: string;
  readonly configured: number;
  /** 0 = asked and recorded, and never counted. */
  readonly inForce: number;
  /** When the configured one counts again, Unix ms; 0 = it counts now. */
  readonly endsAtMs: number;
}

/** Shortest and longest time that weights may be set for, in ms. */
const weightTimes = { minMs: 1_000, maxMs: 86_400_000 } as const;
/** Above it a weight says no more than "all of it". */
const maxWeight = 1_000_000;

/** What is wrong with weights; `undefined` = nothing. */
export function checkWeights(
  { profiles }: Pick<HostConfig, "profiles">,
  name: string,
  weights: ReadonlyMap<string, number>,
  forMs: number,
): string | undefined {
  const profile = profiles.find((each) => each.name === name);
  if (profile === undefined) return `there is no profile ${name}, only ${namesOf(profiles)}`;
  if (!(forMs >= weightTimes.minMs && forMs <= weightTimes.maxMs)) return "the time must be from 1 s to 24 h";
  if (weights.size === 0) return "no weight is given";
  for (const [scorer, weight] of weights) {
    const problem = checkWeight(profile, scorer, weight);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkWeight({ name, scorers }: ProfileSpec, scorer: string, weight: number): string | undefined {
  const place = scorers.find((each) => each.name === scorer);
  if (place === undefined) return `profile ${name} has no scorer ${scorer}, only ${namesOf(scorers)}`;
  if (place.shadow) return `${scorer} is a shadow by the configuration, which counts for nothing whatever its weight`;
  if (weight >= 0 && weight <= maxWeight) return undefined;
  return `the weight of ${scorer} must be from 0 to ${maxWeight}, is ${weight}`;
}

/** The configuration with other weights; a scorer of weight 0 is a shadow: asked and recorded, never counted. */
export function withWeights(config: HostConfig, limited: readonly LimitedWeights[]): HostConfig {
  if (limited.length === 0) return config;
  const profiles = config.profiles.map((profile) => {
    const weights = limited.find((each) => each.profile === profile.name)?.weights;
    if (weights === undefined) return profile;
    return { ...profile, scorers: profile.scorers.map((place) => weigh(place, weights.get(place.name))) };
  });
  return { ...config, profiles };
}

/** Every scorer that counts by the configuration. */
export function listWeights(
  { profiles }: Pick<HostConfig, "profiles">,
  limited: readonly LimitedWeights[],
): readonly WeightInForce[] {
  return profiles.flatMap(({ name: profile, scorers }) => {
    const other = limited.find((each) => each.profile === profile);
    return scorers
      .filter(({ shadow }) => !shadow)
      .map(({ name: scorer, weight: configured }) => {
        const inForce = other?.weights.get(scorer);
        const endsAtMs = inForce === undefined ? 0 : other!.endsAtMs;
        return { profile, scorer, configured, inForce: inForce ?? configured, endsAtMs };
      });
  });
}

function weigh(place: ScorerPlace, weight: number | undefined): ScorerPlace {
  if (weight === undefined) return place;
  return weight === 0 ? { ...place, weight, shadow: true } : { ...place, weight };
}

function namesOf(named: readonly { readonly name: string }[]): string {
  return named.map(({ name }) => name).join(", ");
}
