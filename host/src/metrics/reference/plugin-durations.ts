import type { DecisionRecord, PluginOutcome } from "@outrider/core";
import type { BucketCounts } from "../bucket-counts.ts";
import type { FamilyPlace } from "./register-family.ts";
import { schedulerFamilies } from "./scheduler-families.ts";
import { createBuckets, type StoredFamily } from "./stored-family.ts";

/** Observes how long plugins took, a series each. */
export class PluginDurations {
  readonly #family: StoredFamily<BucketCounts>;
  readonly #scorers = new Map<string, BucketCounts>();
  readonly #producers = new Map<string, BucketCounts>();

  constructor(place: FamilyPlace) {
    this.#family = createBuckets(place, schedulerFamilies.plugin);
  }

  observe({ producers, profiles }: Pick<DecisionRecord, "producers" | "profiles">): void {
    for (const outcome of producers)
      this.#of(outcome, this.#producers, "DataProducer").observe(outcome.durationUs / 1e6);
    for (const { scorers } of profiles) {
      for (const outcome of scorers) this.#of(outcome, this.#scorers, "Scorer").observe(outcome.durationUs / 1e6);
    }
  }

  /** Names are the operator's, and one stands for another type only where a reload says so. */
  #of({ name, type }: PluginOutcome, known: Map<string, BucketCounts>, point: string): BucketCounts {
    const key = `${name}\0${type}`;
    let series = known.get(key);
    if (series === undefined) {
      series = this.#family.series(point, type, name);
      known.set(key, series);
    }
    return series;
  }
}
