import { defineScorer } from "@outrider/plugin-sdk";
import {
  activeRequestConfig,
  kvCacheUtilizationConfig,
  loadAwareConfig,
  queueConfig,
  runningRequestsConfig,
} from "./config.ts";
import { tellUnknown } from "./tell-unknown.ts";

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
    score: ({ candidates, columns: { waitingRequests } }, scores) =>
      preferFew("queue", waitingRequests, candidates, scores),
  }),
});

/** Prefers small batches: as `queue-scorer`, over the requests that run. */
export const runningRequestsSizeScorer = defineScorer({
  type: "running-requests-size-scorer",
  category: "distribution",
  state: "none",
  needs: ["running_requests"],
  config: runningRequestsConfig,
  create: () => ({
    score: ({ candidates, columns: { runningRequests } }, scores) =>
      preferFew("batch", runningRequests, candidates, scores),
  }),
});

/**
 * Prefers short queues by a fixed measure: 0.5 without a queue, `score = (1 − min(waiting, threshold) ÷ threshold) ÷ 2`
 * with one. Abstains where the queue is unknown.
 */
export const loadAwareScorer = defineScorer({
  type: "load-aware-scorer",
  category: "distribution",
  state: "none",
  needs: ["waiting_requests"],
  config: loadAwareConfig,
  create: ({ threshold }) => ({
    score({ candidates, columns: { waitingRequests } }, scores) {
      let known = 0;
      for (let i = 0; i < candidates.length; i++) {
        const waiting = waitingRequests[candidates[i]];
        if (Number.isNaN(waiting)) continue;
        known += 1;
        scores[i] = (1 - Math.min(waiting, threshold) / threshold) / 2;
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

/** 1 for the least, 0 for the most, 1 for all where they are equal; nothing where the count is unknown. */
function preferFew(
  what: string,
  counts: Float32Array,
  candidates: Uint32Array,
  scores: Float32Array,
): string | undefined {
  let least = Infinity;
  let most = -Infinity;
  let known = 0;
  for (const slot of candidates) {
    const count = counts[slot];
    if (Number.isNaN(count)) continue;
    known += 1;
    if (count < least) least = count;
    if (count > most) most = count;
  }
  for (let i = 0; i < candidates.length; i++) {
    const count = counts[candidates[i]];
    const isSame = least === most && !Number.isNaN(count);
    scores[i] = isSame ? 1 : (most - count) / (most - least);
  }
  return tellUnknown(what, known, candidates.length);
}
