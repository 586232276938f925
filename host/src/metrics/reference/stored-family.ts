import { BucketCounts } from "../bucket-counts.ts";
import type { FamilySpec } from "./family-spec.ts";
import { type FamilyPlace, registerFamily, type Sample } from "./register-family.ts";

/** A number that goes up, and for gauges down too. */
export class Count implements Sample {
  readonly labels: readonly string[];
  value = 0;

  constructor(labels: readonly string[]) {
    this.labels = labels;
  }
}

/** A family whose series are kept by who counts; they begin at 0. */
export interface StoredFamily<S> {
  /** Number of its series. */
  readonly size: number;
  /** Makes the series of these labels, in the family's order. */
  series(...labels: readonly string[]): S;
  /** Takes series out that tell nothing any longer. @param isKept by the values of its labels. */
  keep(isKept: (labels: readonly string[]) => boolean): void;
}

/** A counter or gauge; to count costs an addition. */
export function createCounts(place: FamilyPlace, spec: FamilySpec): StoredFamily<Count> {
  return createStored(place, spec, (labels) => {
    const sample = new Count(labels);
    return { sample, series: sample };
  });
}

/** A histogram; to observe costs some ns. */
export function createBuckets(place: FamilyPlace, spec: FamilySpec): StoredFamily<BucketCounts> {
  return createStored(place, spec, (labels) => {
    const series = new BucketCounts(spec.bounds!);
    return { sample: { labels, value: series }, series };
  });
}

/** A count whose series is made when it is first counted. */
export class LateCount {
  readonly #family: StoredFamily<Count>;
  readonly #labels: readonly string[];
  #series: Count | undefined;

  constructor(family: StoredFamily<Count>, labels: readonly string[]) {
    this.#family = family;
    this.#labels = labels;
  }

  add(count: number): void {
    this.#series ??= this.#family.series(...this.#labels);
    this.#series.value += count;
  }
}

/** A histogram whose series is made when something is first observed. */
export class LateBuckets {
  readonly #family: StoredFamily<BucketCounts>;
  readonly #labels: readonly string[];
  #series: BucketCounts | undefined;

  constructor(family: StoredFamily<BucketCounts>, labels: readonly string[]) {
    this.#family = family;
    this.#labels = labels;
  }

  observe(value: number): void {
    this.#series ??= this.#family.series(...this.#labels);
    this.#series.observe(value);
  }
}

function createStored<S>(
  place: FamilyPlace,
  spec: FamilySpec,
  make: (labels: readonly string[]) => { readonly sample: Sample; readonly series: S },
): StoredFamily<S> {
  let samples: Sample[] = [];
  registerFamily(place, spec, () => samples);
  return {
    get size() {
      return samples.length;
    },
    series(...labels) {
      const { sample, series } = make(labels);
      samples.push(sample);
      return series;
    },
    keep(isKept) {
      samples = samples.filter(({ labels }) => isKept(labels));
    },
  };
}
