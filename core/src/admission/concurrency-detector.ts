import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "../filters/keep-slots.ts";
import type { SaturationDetector } from "./types.ts";

/** What a `concurrency-detector` goes by. */
export interface ConcurrencyDetectorOptions {
  /** What is counted: requests under way, prompt tokens of those whose first token is due, or the fuller of the two. */
  readonly concurrencyMode: "requests" | "tokens" | "hybrid";
  /** Requests under way at which an endpoint is full, > 0. */
  readonly maxConcurrency: number;
  /** Tokens at which an endpoint is full, > 0. */
  readonly maxTokenConcurrency: number;
  /** Share by which the limits of the filter lie above what is full, ≥ 0. */
  readonly headroom: number;
}

/**
 * What the host has sent and is not done ÷ what the endpoints can take together; by `hybrid` the mean over the endpoints
 * of the fuller of requests and tokens. Goes by the host's own counts, which are never stale.
 */
export function createConcurrencyDetector(name: string, options: ConcurrencyDetectorOptions): SaturationDetector {
  const { concurrencyMode, maxConcurrency, maxTokenConcurrency } = options;
  const ratioOf = (requests: number, tokens: number) => {
    if (concurrencyMode === "requests") return requests / maxConcurrency;
    if (concurrencyMode === "tokens") return tokens / maxTokenConcurrency;
    return Math.max(requests / maxConcurrency, tokens / maxTokenConcurrency);
  };
  return {
    name,
    type: "concurrency-detector",
    saturation({ slots, inflight: { requests, promptTokens } }) {
      let sum = 0;
      for (const slot of slots) sum += ratioOf(requests[slot], promptTokens[slot]);
      return slots.length === 0 ? 1 : sum / slots.length;
    },
  };
}

/** Keeps the endpoints that are below their limit, a capacity with its headroom; all where none is. */
export function createConcurrencyDetectorFilter(name: string, options: ConcurrencyDetectorOptions): Filter {
  const { concurrencyMode, maxConcurrency, maxTokenConcurrency, headroom } = options;
  const limitOf = (capacity: number) => Math.floor(capacity * (1 + headroom));
  const maxRequests = concurrencyMode === "tokens" ? Number.POSITIVE_INFINITY : limitOf(maxConcurrency);
  const maxTokens = concurrencyMode === "requests" ? Number.POSITIVE_INFINITY : limitOf(maxTokenConcurrency);
  return {
    name,
    type: "concurrency-detector",
    filter({ candidates, columns: { inflightRequests, inflightPromptTokens } }) {
      const isBelow = (slot: number) => inflightRequests[slot] < maxRequests && inflightPromptTokens[slot] < maxTokens;
      const kept = keepSlots(candidates, isBelow);
      return kept.length === 0 ? candidates : kept;
    },
  };
}
