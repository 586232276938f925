import {
  defineScorer,
  type EndpointChange,
  type EndpointInfo,
  type FeedbackEvent,
  type PickedEvent,
  type ScoreCall,
} from "@outrider/plugin-sdk";
import type { z } from "zod";
import { prefixCacheConfig } from "./config.ts";
import { createPendingCalls } from "./pending-calls.ts";
import { createPrefixIndex } from "./prefix-index.ts";

/**
 * Prefers endpoints that have the prompt's prefix in their cache: `score = matched ÷ total` prefix blocks, as an index
 * of its own believes, which learns from where requests were sent. Abstains for prompts without a whole block.
 */
export const prefixCache = defineScorer({
  type: "prefix-cache",
  category: "affinity",
  state: "local",
  needs: [
    { key: "request.block_hashes", required: true, blockSizeTokens: 64 },
    "kv_total_blocks",
    "kv_block_tokens",
    { key: "events.picked", required: true },
  ],
  config: prefixCacheConfig,
  create: (config) => new PrefixCacheScorer(config),
});

/** Memory of calls whose pick is not yet known, in bytes: some ten thousand, far above what a host has open at once. */
const pendingBytes = 16 * 1024 * 1024;

class PrefixCacheScorer {
  readonly #config: z.output<typeof prefixCacheConfig>;
  readonly #index = createPrefixIndex();
  readonly #pending = createPendingCalls(pendingBytes);
  readonly #endpoints: (EndpointInfo | undefined)[] = [];
  /** Size of each endpoint's KV cache, in tokens; 0 = not told. */
  #capacities: Float64Array = new Float64Array(64);
  #matched: Uint32Array = new Uint32Array(64);

  constructor(config: z.output<typeof prefixCacheConfig>) {
    this.#config = config;
  }

  score(call: ScoreCall, scores: Float32Array): string | undefined {
    const { candidates, request } = call;
    const { blockHashes, blockSizeTokens } = request;
    this.#readCapacities(call);
    const limit = Math.floor(this.#config.maxPrefixTokens / blockSizeTokens);
    const count = Math.min(blockHashes.length >>> 1, limit);
    if (!(count >= 1)) return "no whole prefix block";
    const hashes = blockHashes.length > 2 * count ? blockHashes.slice(0, 2 * count) : blockHashes;
    this.#pending.put(call.callId, { hashes, count, blockSizeTokens, profile: call.profile });
    if (this.#matched.length < candidates.length) this.#matched = new Uint32Array(2 * candidates.length);
    this.#index.match(hashes, count, candidates, this.#matched);
    for (let i = 0; i < candidates.length; i++) scores[i] = this.#matched[i] / count;
    return undefined;
  }

  feedback(event: FeedbackEvent): void {
    if (event.kind !== "picked" && event.kind !== "done") return;
    const call = this.#pending.take(event.callId);
    if (call === undefined || event.kind === "done") return;
    for (const slot of learners(event, call.profile)) {
      const tokens = this.#capacities[slot] || this.#config.defaultCapacityTokens;
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

/** Endpoints that compute the prompt: where the request goes, and the pick of the profile that asked. */
function learners({ slot, picks }: PickedEvent & { readonly slot: number }, profile: string): readonly number[] {
  const own = picks.find((pick) => pick.profile === profile)?.slot ?? slot;
  return own === slot ? [slot] : [slot, own];
}
