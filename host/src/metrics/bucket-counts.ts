/** A value of a histogram as the library keeps it. */
export interface BucketValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
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

  /** In the form of the library: cumulative buckets, sum, count. */
  values(name: string, labels: Readonly<Record<string, string>>): readonly BucketValue[] {
    let count = 0;
    const buckets: BucketValue[] = Array.from(this.#counts, (added, i) => {
      count += added;
      return { metricName: `${name}_bucket`, labels: { le: this.#boundAt(i), ...labels }, value: count };
    });
    buckets.push({ metricName: `${name}_sum`, labels, value: this.#sum });
    buckets.push({ metricName: `${name}_count`, labels, value: count });
    return buckets;
  }

  /** The same as lines of the page. @param labels in text, without braces; empty = none. */
  text(name: string, labels: string): string {
    const further = labels === "" ? "" : `,${labels}`;
    const own = labels === "" ? "" : `{${labels}}`;
    const bounds = boundTextsOf(this.#bounds);
    let count = 0;
    let text = "";
    for (let i = 0; i < this.#counts.length; i++) {
      count += this.#counts[i];
      text += `${name}_bucket{le="${bounds[i]}"${further}} ${count}\n`;
    }
    return `${text}${name}_sum${own} ${this.#sum}\n${name}_count${own} ${count}\n`;
  }

  #boundAt(i: number): number | string {
    return i < this.#bounds.length ? this.#bounds[i] : "+Inf";
  }
}

const boundTexts = new WeakMap<Float64Array, readonly string[]>();

/** Bounds as they are written, with the one above all; made once for all series that share them. */
function boundTextsOf(bounds: Float64Array): readonly string[] {
  let texts = boundTexts.get(bounds);
  if (texts === undefined) {
    texts = [...Array.from(bounds, String), "+Inf"];
    boundTexts.set(bounds, texts);
  }
  return texts;
}
