import type { FeedbackEvent } from "@outrider/plugin-sdk";
import { createPendingCalls, type PendingCall } from "./pending-calls.ts";

/** A call whose request is under way. */
export interface SentCall extends PendingCall {
  /** Endpoint it was sent to. */
  readonly slot: number;
  /** Leading blocks that the endpoint was believed to hold before, or has computed since for others. */
  known: number;
  /** Those that it was believed to hold when the request was sent. */
  readonly believed: number;
  /** Whether these blocks had been computed, and were not just under way too. */
  readonly isFirm: boolean;
  /** Tokens of the prompt. */
  readonly promptTokens: number;
}

/** Calls whose requests are under way, in bounded memory. */
export interface SentCalls {
  readonly size: number;
  put(callId: number, call: SentCall): void;
  /** Takes a call out; `undefined` where it is not there. */
  take(callId: number): SentCall | undefined;
  /** An endpoint has computed a prompt: those under way there will find it. */
  confirm(slot: number, hashes: Uint32Array, count: number): void;
  /** Leading blocks of a prompt that requests under way at an endpoint compute too. */
  shared(slot: number, hashes: Uint32Array, count: number): number;
  /** Whether a request under way at an endpoint computes a block of a prompt. */
  isUnderWay(slot: number, hashes: Uint32Array, block: number): boolean;
  /** Nothing is expected of an endpoint any more. */
  forget(slot: number): void;
}

/** None is under way. @param limitBytes most memory, but for one call. */
export function createSentCalls(limitBytes: number): SentCalls {
  const bySlot: (Map<SentCall, number> | undefined)[] = [];
  const calls = createPendingCalls<SentCall>(limitBytes, (call) => bySlot[call.slot]?.delete(call));
  const has = (call: SentCall, hashes: Uint32Array, block: number) =>
    block < call.count &&
    call.hashes[2 * block] === hashes[2 * block] &&
    call.hashes[2 * block + 1] === hashes[2 * block + 1];
  const take = (callId: number) => {
    const call = calls.take(callId);
    if (call !== undefined) bySlot[call.slot]?.delete(call);
    return call;
  };
  return {
    get size() {
      return calls.size;
    },
    put(callId, call) {
      bySlot[call.slot] ??= new Map();
      bySlot[call.slot]?.set(call, callId);
      calls.put(callId, call);
    },
    take,
    confirm(slot, hashes, count) {
      for (const call of bySlot[slot]?.keys() ?? []) {
        while (call.known < count && has(call, hashes, call.known)) call.known++;
      }
    },
    shared(slot, hashes, count) {
      let most = 0;
      for (const call of bySlot[slot]?.keys() ?? []) while (most < count && has(call, hashes, most)) most++;
      return most;
    },
    isUnderWay(slot, hashes, block) {
      for (const call of bySlot[slot]?.keys() ?? []) if (has(call, hashes, block)) return true;
      return false;
    },
    forget(slot) {
      for (const callId of bySlot[slot]?.values() ?? []) calls.take(callId);
      bySlot[slot] = undefined;
    },
  };
}

/** How the request of a call ended. */
export type Done = Extract<FeedbackEvent, { kind: "done" }>;

/** Whether the endpoint has computed the prompt of a request that ended so, as far as can be told. */
export function isComputed({ cause, status, ttftUs }: Done): boolean {
  if (status >= 400 || cause === "never_sent") return false;
  return cause === "ok" || cause === "unknown" || ttftUs > 0;
}

/**
 * What the model server's own count says of what was believed: the prompt's share that it found in its cache is about
 * what was expected, or less than half of it. Too little was expected for a word on it, or too much lies between: nothing.
 */
export function compareToTold(call: SentCall, { promptTokens, cachedTokens }: Done): "hit" | "miss" | undefined {
  if (!call.isFirm || call.believed < leastKnown || promptTokens === 0) return undefined;
  const believed = (call.believed * call.blockSizeTokens) / (call.promptTokens || call.count * call.blockSizeTokens);
  const told = cachedTokens / promptTokens;
  if (told >= 0.9 * believed) return "hit";
  return told < 0.5 * believed ? "miss" : undefined;
}

/** Blocks from which a belief is worth a comparison. */
const leastKnown = 4;
