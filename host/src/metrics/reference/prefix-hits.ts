import { type DecisionRecord, defaultBlockSizeTokens, type Plan, type Producer } from "@outrider/core";
import type { BucketCounts } from "../bucket-counts.ts";
import type { FamilyPlace } from "./register-family.ts";
import { schedulerFamilies } from "./scheduler-families.ts";
import { createBuckets, type StoredFamily } from "./stored-family.ts";

/** Bytes of a token, as the reference EPP counts prefixes. */
const bytesPerToken = 4;

/** Where a plan's producer of prefix matches is found in records. */
interface PrefixPlace {
  readonly producer: Producer;
  readonly index: number;
  readonly matched: number;
  readonly total: number;
}

/** Observes how much of prompts was believed cached where they were sent. */
export class PrefixHits {
  readonly #ratio: StoredFamily<BucketCounts>;
  readonly #bytes: StoredFamily<BucketCounts>;
  readonly #series = new Map<string, { readonly ratio: BucketCounts; readonly bytes: BucketCounts }>();
  #plan: Plan | undefined;
  #place: PrefixPlace | undefined;

  constructor(place: FamilyPlace) {
    this.#ratio = createBuckets(place, schedulerFamilies.prefixRatio);
    this.#bytes = createBuckets(place, schedulerFamilies.prefixBytes);
  }

  observe(plan: Plan, { producers, candidates, destination }: DecisionRecord): void {
    if (this.#plan !== plan) {
      this.#plan = plan;
      this.#place = findPrefixes(plan);
    }
    const at = this.#place;
    if (at === undefined || destination.length === 0) return;
    const values = producers[at.index]?.values ?? [];
    const position = candidates.indexOf(destination[0]);
    const matched = values[at.matched]?.[position] ?? Number.NaN;
    const total = values[at.total]?.[position] ?? Number.NaN;
    if (!(matched >= 0 && total > 0)) return;
    const { ratio, bytes } = this.#of(at.producer);
    ratio.observe(matched / total);
    bytes.observe(matched * defaultBlockSizeTokens * bytesPerToken);
  }

  #of({ name, type }: Producer): { readonly ratio: BucketCounts; readonly bytes: BucketCounts } {
    const key = `${name}\0${type}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { ratio: this.#ratio.series(name, type), bytes: this.#bytes.series(name, type) };
      this.#series.set(key, series);
    }
    return series;
  }
}

function findPrefixes({ waves }: Plan): PrefixPlace | undefined {
  const producers = waves.flat().map(({ producer }) => producer);
  const index = producers.findIndex(({ produces }) => produces.includes("data.prefix_match_blocks"));
  const producer = producers[index];
  if (producer === undefined) return undefined;
  const matched = producer.produces.indexOf("data.prefix_match_blocks");
  return { producer, index, matched, total: producer.produces.indexOf("data.prefix_total_blocks") };
}
