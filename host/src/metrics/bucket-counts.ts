/** A bucket as the library writes it. */
export interface BucketValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  /** Labels that all values of a series share, written once; absent = none apart. */
  readonly sharedLabels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Observations by bucket; one costs some ns. */
export class BucketCounts {
  readonly #bounds: Float64Array;
  /** By the first bound that is not below; the last is for what is above all. */
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param bounds ascending. */
  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** @param value finite. */
  observe(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]) i++;
    this.#counts[i]++;
    this.#sum += value;
  }

  /** Adds what another one of the same bounds has counted. */
  add(other: BucketCounts): void {
    for (let i = 0; i < this.#counts.length; i++) this.#counts[i] += other.#counts[i];
    this.#sum += other.#sum;
  }

  /** In the form of the library: cumulative buckets, sum, count. @param labels of the series, in each value or shared. */
  values(name: string, labels: Readonly<Record<string, string>>, isShared: boolean): readonly BucketValue[] {
    const shared = isShared ? { sharedLabels: labels } : undefined;
    const own = isShared ? {} : labels;
    let count = 0;
    const buckets: BucketValue[] = Array.from(this.#counts, (added, i) => {
      count += added;
      const le = i < this.#bounds.length ? this.#bounds[i] : "+Inf";
      return { metricName: `${name}_bucket`, labels: { le, ...own }, ...shared, value: count };
    });
    buckets.push({ metricName: `${name}_sum`, labels: own, ...shared, value: this.#sum });
    buckets.push({ metricName: `${name}_count`, labels: own, ...shared, value: count });
    return buckets;
  }
}
