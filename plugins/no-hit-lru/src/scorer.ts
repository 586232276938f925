import { defineScorer, type FeedbackEvent, type ScoreCall } from "@outrider/plugin-sdk";
import { createColdCalls } from "./cold-calls.ts";
import { noHitLruConfig } from "./config.ts";
import { createRecentSlots } from "./recent-slots.ts";

/** Calls that wait for their pick, at most. */
const maxPendingCalls = 65_536;

/** Profile whose pick computes the prompt too, as the reference EPP names it. */
const prefillProfile = "prefill";

/**
 * Spreads cold requests, those of which no candidate has a prefix: `1 − rank ÷ (N − 1)`, endpoints that were sent none
 * first, then those that were sent one longest ago. Any other request: 0.5 for all.
 */
export const noHitLruScorer = defineScorer({
  type: "no-hit-lru-scorer",
  category: "distribution",
  state: "local",
  needs: [
    { key: "data.prefix_match_blocks", required: true },
    { key: "events.picked", required: true },
  ],
  config: noHitLruConfig,
  create: ({ lruSize }) => {
    const recent = createRecentSlots(lruSize);
    const cold = createColdCalls(maxPendingCalls);
    const ranks = createRanks();
    return {
      score({ callId, candidates, data }, scores) {
        if (hasHit(data.get("data.prefix_match_blocks"))) {
          scores.fill(0.5);
          return "some candidate has the prefix";
        }
        cold.add(callId);
        ranks.write(candidates, recent.slots(), scores);
        return undefined;
      },
      feedback(event: FeedbackEvent) {
        if ((event.kind !== "picked" && event.kind !== "done") || !cold.take(event.callId)) return;
        if (event.kind === "done") return;
        recent.use(event.slot);
        const prefill = event.picks.find(({ profile }) => profile === prefillProfile);
        if (prefill !== undefined && prefill.slot !== event.slot) recent.use(prefill.slot);
      },
      endpointsChanged({ removedSlots }) {
        for (const slot of removedSlots) recent.forget(slot);
      },
    };
  },
});

/** A prompt of which nobody tells a match is cold, as one without a whole block is. */
function hasHit(matched: Float32Array): boolean {
  for (const blocks of matched) if (blocks > 0) return true;
  return false;
}

/** Ranks candidates with memory of its own that only grows. */
function createRanks() {
  /** Place among the candidates + 1, by slot; 0 = it is none. */
  let places = new Uint32Array(0);
  return {
    write(candidates: ScoreCall["candidates"], leastRecentFirst: Iterable<number>, scores: Float32Array): void {
      const last = candidates.length - 1;
      const slotCount = candidates[last] + 1;
      if (places.length < slotCount) places = new Uint32Array(slotCount);
      for (let i = 0; i <= last; i++) places[candidates[i]] = i + 1;
      let used = 0;
      for (const slot of leastRecentFirst) {
        if (slot >= slotCount || places[slot] === 0) continue;
        scores[places[slot] - 1] = used++;
        places[slot] = 0;
      }
      const unused = candidates.length - used;
      let first = 0;
      for (let i = 0; i <= last; i++) {
        const isUnused = places[candidates[i]] !== 0;
        const rank = isUnused ? first++ : unused + scores[i];
        scores[i] = last === 0 ? 1 : 1 - rank / last;
        places[candidates[i]] = 0;
      }
    },
  };
}
