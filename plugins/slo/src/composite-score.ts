import type { ScoreCall } from "@outrider/plugin-sdk";

/** Shares in a score that goes without predictions, ≥ 0. */
export interface CompositeWeights {
  readonly kv: number;
  readonly queue: number;
  readonly prefix: number;
}

/**
 * Writes the weighted mean of free KV cache, `(longest − waiting) ÷ longest` queue and cached share of the prompt, to
 * the hundredth. What is unknown of a candidate counts for nothing there, with its weight.
 * @returns how many candidates have a score.
 */
export function scoreComposite(call: ScoreCall, weights: CompositeWeights, scores: Float32Array): number {
  const { candidates, columns, data } = call;
  const { waitingRequests, kvCacheUsage } = columns;
  const matched = data.get("data.prefix_match_blocks");
  const total = data.get("data.prefix_total_blocks");
  const longest = longestOf(candidates, waitingRequests);
  let known = 0;
  for (let i = 0; i < candidates.length; i++) {
    const slot = candidates[i];
    const free = 1 - Math.min(1, kvCacheUsage[slot]);
    const queue = longest === 0 ? 1 - waitingRequests[slot] : (longest - waitingRequests[slot]) / longest;
    const prefix = Math.min(1, matched[i] / total[i]);
    const sum = part(weights.kv, free) + part(weights.queue, queue) + part(weights.prefix, prefix);
    const weight = share(weights.kv, free) + share(weights.queue, queue) + share(weights.prefix, prefix);
    if (!(weight > 0)) continue;
    scores[i] = Math.round((100 * sum) / weight) / 100;
    known += 1;
  }
  return known;
}

function longestOf(candidates: Uint32Array, waitingRequests: Float32Array): number {
  let longest = 0;
  for (const slot of candidates) if (waitingRequests[slot] > longest) longest = waitingRequests[slot];
  return longest;
}

function part(weight: number, value: number): number {
  return Number.isNaN(value) ? 0 : weight * value;
}

function share(weight: number, value: number): number {
  return Number.isNaN(value) ? 0 : weight;
}
