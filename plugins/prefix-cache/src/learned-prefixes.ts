import type { EndpointChange, EndpointInfo, FeedbackEvent, ScoreCall } from "@outrider/plugin-sdk";
import { createCacheRooms } from "./cache-rooms.ts";
import { type HandedPrefixes, packPrefixes, unpackPrefixes } from "./handoff.ts";
import { createPendingCalls, type PendingCall } from "./pending-calls.ts";
import { createPrefixIndex } from "./prefix-index.ts";
import { compareToTold, createSentCalls, type Done, isComputed, type SentCall } from "./sent-calls.ts";

/** What endpoints are believed to hold. */
export interface PrefixLimits {
  /** Longest prefix matched and learned per request, in tokens. */
  readonly maxPrefixTokens: number;
  /** Tokens that an endpoint holds where its metrics do not tell, or are not asked. */
  readonly defaultCapacityTokens: number;
  /** Blocks held by all endpoints together, one that several hold counted for each. */
  readonly maxBlocks: number;
  /** Whether the metrics of an endpoint tell how much it holds. */
  readonly readsCapacity: boolean;
}

/** Who learns of a pick: the slots that have computed the prompt of a call. */
export type Learners = (
  event: Extract<FeedbackEvent, { kind: "picked" }>,
  call: Pick<PendingCall, "profile">,
) => readonly number[];

/** Prefixes that endpoints hold, learned from where requests were sent and what became of them. */
export interface LearnedPrefixes {
  /**
   * Counts the leading blocks of the prompt that each candidate holds, and keeps the call until its pick is known.
   * @returns blocks of the prompt, and per candidate those it holds, valid until the next call; `undefined` for a prompt
   *   without a whole block.
   */
  match(call: ScoreCall): { readonly total: number; readonly matched: Uint32Array } | undefined;
  /** Learns where a call was sent, and from how it ended whether that was right. */
  feedback(event: FeedbackEvent): void;
  /** Forgets what endpoints held that left or restarted. */
  endpointsChanged(change: EndpointChange): void;
  /** The blocks touched last at each endpoint, as many as there is room for. */
  handoff(): Uint8Array;
  /** Takes those of the instance before, as touched before all that is known. */
  restore(handoff: Uint8Array): void;
}

/** Memory of calls whose pick is not yet known, and of those under way, in bytes: some ten thousand each. */
const pendingBytes = 16 * 1024 * 1024;

/** Nothing is known of any endpoint. */
export function createLearnedPrefixes(limits: PrefixLimits, learners: Learners): LearnedPrefixes {
  return new IndexedPrefixes(limits, learners);
}

class IndexedPrefixes implements LearnedPrefixes {
  readonly #limits: PrefixLimits;
  readonly #learners: Learners;
  readonly #index;
  readonly #rooms;
  readonly #pending = createPendingCalls<PendingCall>(pendingBytes);
  readonly #sent = createSentCalls(pendingBytes);
  readonly #endpoints: (EndpointInfo | undefined)[] = [];
  /** Endpoints that have told of cached tokens since they started: 0 of them means none. */
  readonly #tellers = new Set<number>();
  #handed: HandedPrefixes = new Map();
  #blockSizeTokens = 64;
  #matched: Uint32Array = new Uint32Array(64);

  constructor(limits: PrefixLimits, learners: Learners) {
    this.#limits = limits;
    this.#learners = learners;
    this.#index = createPrefixIndex(limits.maxBlocks);
    this.#rooms = createCacheRooms(limits.defaultCapacityTokens, limits.readsCapacity);
  }

  match(call: ScoreCall) {
    const { candidates, request, profile } = call;
    const { blockHashes, blockSizeTokens } = request;
    this.#rooms.read(call);
    const limit = Math.floor(this.#limits.maxPrefixTokens / blockSizeTokens);
    const blocks = blockHashes.length >>> 1;
    const total = Math.min(blocks, limit);
    if (!(limit >= 1)) return undefined;
    this.#blockSizeTokens = blockSizeTokens;
    const hashes = blockHashes.length > 2 * total ? blockHashes.slice(0, 2 * total) : blockHashes;
    this.#pending.put(call.callId, { hashes, count: total, room: limit - blocks, blockSizeTokens, profile });
    if (total === 0) return undefined;
    if (this.#matched.length < candidates.length) this.#matched = new Uint32Array(2 * candidates.length);
    this.#index.match(hashes, total, candidates, this.#matched);
    return { total, matched: this.#matched };
  }

  feedback(event: FeedbackEvent): void {
    if (event.kind === "picked") this.#learnPick(event);
    if (event.kind === "done") this.#learnEnd(event);
  }

  endpointsChanged({ removedSlots, upserted }: EndpointChange): void {
    for (const slot of removedSlots) this.#replace(slot, undefined);
    for (const endpoint of upserted) this.#replace(endpoint.slot, endpoint);
  }

  handoff(): Uint8Array {
    const endpoints = this.#endpoints.filter((endpoint) => endpoint !== undefined);
    return packPrefixes(endpoints, (slot, most) => this.#index.latest(slot, most));
  }

  restore(handoff: Uint8Array): void {
    this.#handed = unpackPrefixes(handoff);
    for (const endpoint of this.#endpoints) if (endpoint !== undefined) this.#recall(endpoint);
  }

  #learnPick(event: Extract<FeedbackEvent, { kind: "picked" }>): void {
    const call = this.#pending.take(event.callId);
    if (call === undefined) return;
    const { slot, callId, promptTokens } = event;
    for (const learner of this.#learners(event, call)) {
      if (learner === slot) this.#sent.put(callId, this.#toSent(call, slot, promptTokens));
      this.#learn(learner, call);
    }
  }

  #toSent(call: PendingCall, slot: number, promptTokens: number): SentCall {
    const known = this.#index.depth(slot, call.hashes, call.count);
    const isFirm = known > 0 && !this.#sent.isUnderWay(slot, call.hashes, known - 1);
    return { ...call, slot, known, believed: known, isFirm, promptTokens };
  }

  #learnEnd(event: Done): void {
    this.#pending.take(event.callId);
    const call = this.#sent.take(event.callId);
    if (call === undefined) return;
    const wasComputed = isComputed(event);
    const isElsewhere = event.slot !== call.slot;
    if (!wasComputed || isElsewhere) this.#unlearn(call);
    if (!wasComputed) return;
    this.#sent.confirm(event.slot, call.hashes, call.count);
    if (!isElsewhere) this.#compare(call, event);
    const answered = withAnswer(call, event);
    if (isElsewhere || answered !== call) this.#learn(event.slot, answered);
  }

  #learn(slot: number, { hashes, count, blockSizeTokens }: PendingCall): void {
    this.#index.learn(slot, hashes, count, this.#rooms.blocksOf(slot, blockSizeTokens));
  }

  /** Takes back what the endpoint was believed to compute, but for what others had it compute. */
  #unlearn({ slot, hashes, count, known }: SentCall): void {
    this.#index.unlearn(slot, hashes, Math.max(known, this.#sent.shared(slot, hashes, count)), count);
  }

  #compare(call: SentCall, event: Done): void {
    const { slot, blockSizeTokens } = call;
    if (event.cachedTokens > 0) this.#tellers.add(slot);
    if (!this.#tellers.has(slot)) return;
    const told = compareToTold(call, event);
    if (told === "hit") this.#rooms.confirm(slot);
    if (told !== "miss") return;
    this.#rooms.shrink(slot, this.#index.held(slot), blockSizeTokens);
    this.#index.limit(slot, this.#rooms.blocksOf(slot, blockSizeTokens));
  }

  #replace(slot: number, next: EndpointInfo | undefined): void {
    const known = this.#endpoints[slot];
    this.#endpoints[slot] = next;
    if (known !== undefined && known.id === next?.id && known.incarnation === next.incarnation) return;
    this.#index.forget(slot);
    this.#rooms.forget(slot);
    this.#sent.forget(slot);
    this.#tellers.delete(slot);
    if (next !== undefined) this.#recall(next);
  }

  /** Takes what was handed over of an endpoint, once. */
  #recall({ id, slot, incarnation }: EndpointInfo): void {
    const handed = this.#handed.get(id);
    if (handed === undefined) return;
    this.#handed.delete(id);
    if (handed.incarnation !== incarnation) return;
    const capacity = this.#rooms.blocksOf(slot, this.#blockSizeTokens);
    for (let at = 0; at < handed.hashes.length; at += 2) {
      if (!this.#index.recall(slot, handed.hashes[at], handed.hashes[at + 1], capacity)) return;
    }
  }
}

/** A call with the blocks that its answer adds, as far as there is room for them; the same one where it adds none. */
function withAnswer(call: SentCall, { blockHashes }: Done): PendingCall {
  if (blockHashes === undefined || !(call.room > 0)) return call;
  const hashes = new Uint32Array(call.hashes.length + Math.min(blockHashes.length, 2 * call.room));
  hashes.set(call.hashes);
  hashes.set(blockHashes.subarray(0, hashes.length - call.hashes.length), call.hashes.length);
  return { ...call, hashes, count: hashes.length / 2 };
}
