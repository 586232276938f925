import type { CallTimes, DurationQuantiles } from "./types.ts";

/** Buckets of an octave; a quantile is off by half of one at most, 4 %. */
const perOctave = 8;
const octaves = 26;
const bucketCount = octaves * perOctave;

/** Counts durations by the logarithm of them. Adding one allocates nothing. */
export class DurationCounts {
  readonly #counts = new Uint32Array(bucketCount);
  #total = 0;

  /** @param us ≥ 0; longer than a minute counts as a minute. */
  add(us: number): void {
    this.#counts[bucketOf(us)]! += 1;
    this.#total += 1;
  }

  clear(): void {
    if (this.#total > 0) this.#counts.fill(0);
    this.#total = 0;
  }

  /** Adds its counts to those of another. */
  addTo(sum: DurationCounts): void {
    for (let i = 0; i < bucketCount; i += 1) sum.#counts[i]! += this.#counts[i]!;
    sum.#total += this.#total;
  }

  /** `undefined` where nothing was added. */
  quantiles(): DurationQuantiles | undefined {
    if (this.#total === 0) return undefined;
    return { p50Us: this.#quantile(0.5), p99Us: this.#quantile(0.99) };
  }

  #quantile(share: number): number {
    const rank = Math.ceil(this.#total * share);
    let seen = 0;
    let bucket = -1;
    while (seen < rank) {
      bucket += 1;
      seen += this.#counts[bucket]!;
    }
    return middleOf(bucket);
  }
}

function bucketOf(us: number): number {
  const whole = us >= 1 ? Math.min(us, 2 ** octaves - 1) : 1;
  return Math.min(bucketCount - 1, Math.floor(Math.log2(whole) * perOctave));
}

function middleOf(bucket: number): number {
  return 2 ** ((bucket + 0.5) / perOctave);
}

/** Where the time of a call went. */
export type CallPart = keyof CallTimes;

/** Parts in a fixed order. */
export const callParts: readonly CallPart[] = ["call", "host", "wire", "plugin"];

const sliceMs = 10_000;
/** Six whole slices and the one that is being filled: the last minute or so. */
const sliceCount = 7;

/** The times of one plugin's calls over the last minute. */
export class CallTimesRing {
  readonly #slices = Array.from({ length: sliceCount }, () => callParts.map(() => new DurationCounts()));
  #slice = 0;
  #sliceEndsAtMs = Number.NEGATIVE_INFINITY;

  /** @param nowMs monotonic. */
  add(part: CallPart, us: number, nowMs: number): void {
    if (nowMs >= this.#sliceEndsAtMs) this.#turn(nowMs);
    this.#slices[this.#slice]![callParts.indexOf(part)]!.add(us);
  }

  /** Quantiles of what was added within the last minute. */
  read(nowMs: number): CallTimes {
    this.#turn(nowMs);
    const [call, host, wire, plugin] = callParts.map((_, part) => this.#quantiles(part));
    return { call, host, wire, plugin };
  }

  #quantiles(part: number): DurationQuantiles | undefined {
    const sum = new DurationCounts();
    for (const slice of this.#slices) slice[part]!.addTo(sum);
    return sum.quantiles();
  }

  /** Empties the slices that begin since the last look. */
  #turn(nowMs: number): void {
    if (this.#sliceEndsAtMs === Number.NEGATIVE_INFINITY) this.#sliceEndsAtMs = nowMs + sliceMs;
    for (let turns = 0; nowMs >= this.#sliceEndsAtMs && turns < sliceCount; turns += 1) {
      this.#slice = (this.#slice + 1) % sliceCount;
      for (const counts of this.#slices[this.#slice]!) counts.clear();
      this.#sliceEndsAtMs += sliceMs;
    }
    if (nowMs >= this.#sliceEndsAtMs) this.#sliceEndsAtMs = nowMs + sliceMs;
  }
}
