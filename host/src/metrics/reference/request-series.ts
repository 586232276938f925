import type { ObservedRequest, ObservedResponse } from "../../scheduling/observer.ts";
import type { BucketCounts } from "../bucket-counts.ts";
import type { FamilyPlace } from "./register-family.ts";
import { requestFamilies } from "./request-families.ts";
import { type Count, createBuckets, createCounts, LateBuckets, LateCount, type StoredFamily } from "./stored-family.ts";

/** The families of requests, registered. */
export interface RequestStore {
  readonly total: StoredFamily<Count>;
  readonly errors: StoredFamily<Count>;
  readonly running: StoredFamily<Count>;
  readonly duration: StoredFamily<BucketCounts>;
  readonly requestBytes: StoredFamily<BucketCounts>;
  readonly responseBytes: StoredFamily<BucketCounts>;
  readonly inputTokens: StoredFamily<BucketCounts>;
  readonly outputTokens: StoredFamily<BucketCounts>;
  readonly cachedTokens: StoredFamily<BucketCounts>;
  readonly ntpot: StoredFamily<BucketCounts>;
  readonly ttft: StoredFamily<BucketCounts>;
  readonly tpot: StoredFamily<BucketCounts>;
  readonly itl: StoredFamily<BucketCounts>;
}

/** Registers them. */
export function createRequestStore(place: FamilyPlace): RequestStore {
  const { total, errors, running, ...histograms } = requestFamilies;
  const counts = {
    total: createCounts(place, total),
    errors: createCounts(place, errors),
    running: createCounts(place, running),
  };
  const buckets = Object.entries(histograms).map(([key, spec]) => [key, createBuckets(place, spec)] as const);
  return { ...counts, ...(Object.fromEntries(buckets) as Record<keyof typeof histograms, StoredFamily<BucketCounts>>) };
}

/** Error code of responses that failed at the model server, as the reference EPP names it. */
const serverErrorCode = "ModelServerError";
/** Lowest HTTP status of a response that is an error. */
const lowestErrorStatus = 400;

/** What is counted of all requests with the same labels; each series begins with the first that has something for it. */
export class RequestSeries {
  readonly #store: RequestStore;
  readonly #labels: readonly string[];
  readonly #errors = new Map<string, Count>();
  readonly #total: LateCount;
  readonly #running: LateCount;
  readonly #requestBytes: LateBuckets;
  readonly #duration: LateBuckets;
  readonly #responseBytes: LateBuckets;
  readonly #inputTokens: LateBuckets;
  readonly #outputTokens: LateBuckets;
  readonly #cachedTokens: LateBuckets;
  readonly #ntpot: LateBuckets;
  readonly #ttft: LateBuckets;
  readonly #streamedTtft: LateBuckets;
  readonly #tpot: LateBuckets;
  readonly #itl: LateBuckets;

  /** @param labels values of the labels of a request, in their order. */
  constructor(store: RequestStore, labels: readonly string[]) {
    const late = (family: StoredFamily<BucketCounts>, ...more: readonly string[]) =>
      new LateBuckets(family, [...labels, ...more]);
    this.#store = store;
    this.#labels = labels;
    this.#total = new LateCount(store.total, labels);
    this.#running = new LateCount(store.running, labels);
    this.#requestBytes = late(store.requestBytes);
    this.#duration = late(store.duration);
    this.#responseBytes = late(store.responseBytes);
    this.#inputTokens = late(store.inputTokens);
    this.#outputTokens = late(store.outputTokens);
    this.#cachedTokens = late(store.cachedTokens);
    this.#ntpot = late(store.ntpot);
    this.#ttft = late(store.ttft, "false");
    this.#streamedTtft = late(store.ttft, "true");
    this.#tpot = late(store.tpot);
    this.#itl = late(store.itl);
  }

  refused(code: string): void {
    let count = this.#errors.get(code);
    if (count === undefined) {
      count = this.#store.errors.series(...this.#labels, code);
      this.#errors.set(code, count);
    }
    count.value++;
  }

  sent({ bodyBytes }: Pick<ObservedRequest, "bodyBytes">): void {
    this.#total.add(1);
    this.#running.add(1);
    this.#requestBytes.observe(bodyBytes);
  }

  /** The first piece of a response passed. */
  first(ttftMs: number, isStreamed: boolean): void {
    (isStreamed ? this.#streamedTtft : this.#ttft).observe(ttftMs / 1_000);
  }

  /** A further piece of a streamed response passed. */
  gap(gapMs: number): void {
    this.#itl.observe(gapMs / 1_000);
  }

  done(response: ObservedResponse): void {
    const { cause, status, chunks, ttftMs, isStreamed } = response;
    this.#running.add(-1);
    if (status >= lowestErrorStatus || cause === "upstream_error") this.refused(serverErrorCode);
    const isReported = chunks === 0 && ttftMs > 0;
    if (isReported) this.first(ttftMs, isStreamed);
    if (hasEnded(response)) this.#ended(response);
  }

  #ended({ usage, bodyBytes, chunks, isStreamed, ttftMs, e2eMs }: ObservedResponse): void {
    const { promptTokens, cachedTokens, outputTokens } = usage;
    this.#duration.observe(e2eMs / 1_000);
    if (chunks > 0) this.#responseBytes.observe(bodyBytes);
    if (promptTokens > 0) this.#inputTokens.observe(promptTokens);
    if (cachedTokens > 0) this.#cachedTokens.observe(cachedTokens);
    if (outputTokens <= 0) return;
    this.#outputTokens.observe(outputTokens);
    this.#ntpot.observe(e2eMs / 1_000 / outputTokens);
    const isTold = isStreamed && outputTokens > 1 && ttftMs > 0 && e2eMs > ttftMs;
    if (isTold) this.#tpot.observe((e2eMs - ttftMs) / 1_000 / (outputTokens - 1));
  }
}

/** Whether a response was seen to its end: one that was cut off says nothing of how long the whole would have taken. */
function hasEnded({ cause, status }: ObservedResponse): boolean {
  return cause === "ok" || (cause === "upstream_error" && status >= 500);
}
