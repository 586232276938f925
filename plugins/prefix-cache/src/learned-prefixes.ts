import type { EndpointChange, EndpointInfo, FeedbackEvent, ScoreCall } from "@outrider/plugin-sdk";
import { createPendingCalls, type PendingCall } from "./pending-calls.ts";
import { createPrefixIndex } from "./prefix-index.ts";

/** What endpoints are believed to hold. */
export interface PrefixLimits {
  /** Longest prefix matched and learned per request, in tokens. */
  readonly maxPrefixTokens: number;
  /** Tokens that an endpoint holds where its metrics do not tell, or are not asked. */
  readonly defaultCapacityTokens: number;
  /** Whether the metrics of an endpoint tell how much it holds. */
  readonly readsCapacity: boolean;
}

/** Who learns of a pick: the slots that have computed the prompt of a call. */
export type Learners = (
  event: Extract<FeedbackEvent, { kind: "picked" }>,
  call: Pick<PendingCall, "profile">,
) => readonly number[];

/** Prefixes that endpoints hold, learned from where requests were sent. */
export interface LearnedPrefixes {
  /**
   * Counts the leading blocks of the prompt that each candidate holds, and keeps the call until its pick is known.
   * @returns blocks of the prompt, and per candidate those it holds, valid until the next call; `undefined` for a prompt
   *   without a whole block.
   */
  match(call: ScoreCall): { readonly total: number; readonly matched: Uint32Array } | undefined;
  /** Learns where a call was sent. */
  feedback(event: FeedbackEvent): void;
  /** Forgets what endpoints held that left or restarted. */
  endpointsChanged(change: EndpointChange): void;
}

/** Memory of calls whose pick is not yet known, in bytes: some ten thousand, far above what a host has open at once. */
const pendingBytes = 16 * 1024 * 1024;

/** Nothing is known of any endpoint. */
export function createLearnedPrefixes(limits: PrefixLimits, learners: Learners): LearnedPrefixes {
  return new IndexedPrefixes(limits, learners);
}

class IndexedPrefixes implements LearnedPrefixes {
  readonly #limits: PrefixLimits;
  readonly #learners: Learners;
  readonly #index = createPrefixIndex();
  readonly #pending = createPendingCalls(pendingBytes);
  readonly #endpoints: (EndpointInfo | undefined)[] = [];
  /** Size of each endpoint's KV cache, in tokens; 0 = not told. */
  #capacities: Float64Array = new Float64Array(64);
  #matched: Uint32Array = new Uint32Array(64);

  constructor(limits: PrefixLimits, learners: Learners) {
    this.#limits = limits;
    this.#learners = learners;
  }

  match(call: ScoreCall) {
    const { candidates, request } = call;
    const { blockHashes, blockSizeTokens } = request;
    if (this.#limits.readsCapacity) this.#readCapacities(call);
    const limit = Math.floor(this.#limits.maxPrefixTokens / blockSizeTokens);
    const total = Math.min(blockHashes.length >>> 1, limit);
    if (!(total >= 1)) return undefined;
    const hashes = blockHashes.length > 2 * total ? blockHashes.slice(0, 2 * total) : blockHashes;
    this.#pending.put(call.callId, { hashes, count: total, blockSizeTokens, profile: call.profile });
    if (this.#matched.length < candidates.length) this.#matched = new Uint32Array(2 * candidates.length);
    this.#index.match(hashes, total, candidates, this.#matched);
    return { total, matched: this.#matched };
  }

  feedback(event: FeedbackEvent): void {
    if (event.kind !== "picked" && event.kind !== "done") return;
    const call = this.#pending.take(event.callId);
    if (call === undefined || event.kind === "done") return;
    for (const slot of this.#learners(event, call)) {
      const tokens = this.#capacities[slot] || this.#limits.defaultCapacityTokens;
      this.#index.learn(slot, call.hashes, call.count, Math.floor(tokens / call.blockSizeTokens));
    }
  }

  endpointsChanged({ removedSlots, upserted }: EndpointChange): void {
    for (const slot of removedSlots) this.#replace(slot, undefined);
    for (const endpoint of upserted) this.#replace(endpoint.slot, endpoint);
  }

  #replace(slot: number, next: EndpointInfo | undefined): void {
    const known = this.#endpoints[slot];
    this.#endpoints[slot] = next;
    if (known !== undefined && known.id === next?.id && known.incarnation === next.incarnation) return;
    this.#index.forget(slot);
    if (slot < this.#capacities.length) this.#capacities[slot] = 0;
  }

  #readCapacities({ candidates, columns: { kvTotalBlocks, kvBlockTokens } }: ScoreCall): void {
    const highest = candidates[candidates.length - 1];
    if (highest >= this.#capacities.length) {
      const capacities = new Float64Array(2 * highest);
      capacities.set(this.#capacities);
      this.#capacities = capacities;
    }
    for (const slot of candidates) {
      const tokens = kvTotalBlocks[slot] * kvBlockTokens[slot];
      if (tokens > 0) this.#capacities[slot] = tokens;
    }
  }
}
