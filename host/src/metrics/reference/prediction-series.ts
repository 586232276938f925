import type { BucketCounts } from "../bucket-counts.ts";
import { type Count, LateBuckets, type StoredFamily } from "./stored-family.ts";

/** The families of one duration that is predicted, registered. */
export interface LatencyStore {
  readonly predicted: StoredFamily<BucketCounts>;
  readonly call: StoredFamily<BucketCounts>;
  readonly violations: StoredFamily<Count>;
  readonly latest: StoredFamily<Count>;
}

/** TTFT or TPOT under one set of labels; each series begins with the first request that has something for it. */
export class LatencySeries {
  readonly #store: LatencyStore;
  readonly #labels: readonly string[];
  readonly #kind: "ttft" | "tpot";
  readonly #predicted: LateBuckets;
  readonly #call: LateBuckets;
  readonly #latest = new Map<string, Count>();
  #violations: Count | undefined;

  /** @param labels values of the labels of a prediction, in their order. */
  constructor(store: LatencyStore, labels: readonly string[], kind: "ttft" | "tpot") {
    this.#store = store;
    this.#labels = labels;
    this.#kind = kind;
    this.#predicted = new LateBuckets(store.predicted, labels);
    this.#call = new LateBuckets(store.call, labels);
  }

  /** @param predictedS, tookS seconds; `NaN` = unknown. @param targetS seconds; 0 = the request has none. */
  observe(predictedS: number, callS: number, tookS: number, targetS: number): void {
    if (!(tookS > 0)) return;
    this.#set(this.#kind, tookS);
    if (predictedS >= 0) {
      this.#predicted.observe(predictedS);
      this.#call.observe(callS);
      this.#set(`predicted_${this.#kind}`, predictedS);
      this.#set(`${this.#kind}_prediction_duration`, callS);
    }
    if (targetS > 0) this.#judge(tookS > targetS);
  }

  #judge(isViolated: boolean): void {
    const { violations } = this.#store;
    this.#set(`${this.#kind}_slo_violation`, isViolated ? 1 : 0);
    this.#violations ??= violations.series(...this.#labels, this.#kind);
    if (isViolated) this.#violations.value++;
  }

  #set(type: string, value: number): void {
    let count = this.#latest.get(type);
    if (count === undefined) {
      count = this.#store.latest.series(...this.#labels, type);
      this.#latest.set(type, count);
    }
    count.value = value;
  }
}
