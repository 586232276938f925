import { defineScorer } from "@outrider/plugin-sdk";
import { activeRequestConfig, kvCacheUtilizationConfig, queueConfig } from "./config.ts";

/**
 * Prefers short queues: `score = (longest − waiting) ÷ (longest − shortest)` over the candidates, 1 for all where they
 * are equal. Abstains where the queue is unknown.
 */
export const queueScorer = defineScorer({
  type: "queue-scorer",
  category: "distribution",
  state: "none",
  needs: ["waiting_requests"],
  config: queueConfig,
  create: () => ({
    score({ candidates, columns: { waitingRequests } }, scores) {
      let shortest = Infinity;
      let longest = -Infinity;
      let known = 0;
      for (const slot of candidates) {
        const waiting = waitingRequests[slot];
        if (Number.isNaN(waiting)) continue;
        known += 1;
        if (waiting < shortest) shortest = waiting;
        if (waiting > longest) longest = waiting;
      }
      for (let i = 0; i < candidates.length; i++) {
        const waiting = waitingRequests[candidates[i]];
        const isSame = shortest === longest && !Number.isNaN(waiting);
        scores[i] = isSame ? 1 : (longest - waiting) / (longest - shortest);
      }
      return tellUnknown("queue", known, candidates.length);
    },
  }),
});

/** Prefers free KV cache: `score = 1 − usage`. Abstains where the usage is unknown. */
export const kvCacheUtilizationScorer = defineScorer({
  type: "kv-cache-utilization-scorer",
  category: "distribution",
  state: "none",
  needs: ["kv_cache_usage"],
  config: kvCacheUtilizationConfig,
  create: () => ({
    score({ candidates, columns: { kvCacheUsage } }, scores) {
      let known = 0;
      for (let i = 0; i < candidates.length; i++) {
        const usage = kvCacheUsage[candidates[i]];
        if (Number.isNaN(usage)) continue;
        known += 1;
        scores[i] = 1 - usage;
      }
      return tellUnknown("KV-cache use", known, candidates.length);
    },
  }),
});

/**
 * Prefers endpoints to which this host has sent little that is not done, as of this very request: 1 with at most
 * `idleThreshold` in flight, else `score = (most − inflight) ÷ most × maxBusyScore` over the candidates.
 */
export const activeRequestScorer = defineScorer({
  type: "active-request-scorer",
  category: "distribution",
  state: "none",
  needs: ["inflight_requests"],
  config: activeRequestConfig,
  create: ({ idleThreshold, maxBusyScore }) => ({
    score({ candidates, columns: { inflightRequests } }, scores) {
      let most = 0;
      for (const slot of candidates) most = Math.max(most, inflightRequests[slot]);
      for (let i = 0; i < candidates.length; i++) {
        const inflight = inflightRequests[candidates[i]];
        scores[i] = inflight <= idleThreshold ? 1 : ((most - inflight) / most) * maxBusyScore;
      }
    },
  }),
});

/** Why candidates were left without a score; nothing where none was. */
function tellUnknown(what: string, known: number, total: number): string | undefined {
  return known === total ? undefined : `${what} unknown at ${total - known} of ${total}`;
}
