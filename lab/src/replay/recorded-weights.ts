import type { HostConfig, LimitedWeights } from "@outrider/host";
import type { Decision } from "@outrider/protos/record";

/** Weights that counted in a decision in the place of the configuration's, as an operator had set them for a while. */
export function findWeights({ profiles }: Decision, config: Pick<HostConfig, "profiles">): readonly LimitedWeights[] {
  return profiles.flatMap(({ name, scorers, shadows }) => {
    if (scorers.length + shadows.length === 0) return [];
    const places = config.profiles.find((profile) => profile.name === name)?.scorers ?? [];
    const counted = new Map(scorers.map((outcome) => [outcome.name, outcome.weight]));
    const weights = new Map(
      places.flatMap((place) => {
        const weight = counted.get(place.name) ?? 0;
        return place.shadow || weight === place.weight ? [] : [[place.name, weight] as const];
      }),
    );
    return weights.size === 0 ? [] : [{ profile: name, weights, endsAtMs: Number.POSITIVE_INFINITY }];
  });
}

/** Whether two lists say the same. */
export function isSameWeights(one: readonly LimitedWeights[], other: readonly LimitedWeights[]): boolean {
  return toText(one) === toText(other);
}

function toText(limited: readonly LimitedWeights[]): string {
  return JSON.stringify(limited.map(({ profile, weights }) => [profile, [...weights]]));
}
