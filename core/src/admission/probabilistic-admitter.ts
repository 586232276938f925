import type { EndpointColumns } from "../contract/index.ts";
import type { Admitter } from "../cycle/types.ts";

/** `parameters:` of a `probabilistic-admitter`. */
export interface ProbabilisticAdmitterOptions {
  /** Waiting requests at which an endpoint is full, > 0. */
  readonly queueDepthThreshold: number;
  /** Share of the KV cache in use at which an endpoint is full, > 0. */
  readonly kvCacheUtilThreshold: number;
  /** How steeply refusals set in, > 0. */
  readonly power: number;
  /** How early they do, > 0: all are refused from a saturation of `(1 ÷ k) ^ (1 ÷ power)`. */
  readonly k: number;
}

/** Seconds after which load has had time to change. */
const RETRY_AFTER_S = 1;

/**
 * Refuses a sheddable request, one of a priority below 0, with a chance of `min(saturation ^ power · k, 1)`. Saturation
 * is the mean over the candidates of the larger of queue and KV cache, each by its threshold; a candidate of which one
 * is unknown is full. All other requests pass, whatever the load.
 */
export function createProbabilisticAdmitter(name: string, options: ProbabilisticAdmitterOptions): Admitter {
  const { power, k } = options;
  return {
    name,
    type: "probabilistic-admitter",
    admit({ request, candidates, columns, random }) {
      if (request.priority >= 0 || candidates.length === 0) return undefined;
      const saturation = meanLoad(candidates, columns, options);
      const chance = Math.min(saturation ** power * k, 1);
      if (random() >= chance) return undefined;
      return {
        by: name,
        code: "ResourceExhausted",
        message: `probabilistic-admitter: rejected, saturation=${saturation.toFixed(3)} prob=${chance.toFixed(2)}`,
        droppedReason: "rejected-saturated",
        retryAfterS: RETRY_AFTER_S,
      };
    },
  };
}

function meanLoad(
  candidates: Uint32Array,
  { waitingRequests, kvCacheUsage }: EndpointColumns,
  { queueDepthThreshold, kvCacheUtilThreshold }: ProbabilisticAdmitterOptions,
): number {
  const kvCacheThreshold = Math.fround(kvCacheUtilThreshold);
  let sum = 0;
  for (const slot of candidates) {
    const load = Math.max(waitingRequests[slot] / queueDepthThreshold, kvCacheUsage[slot] / kvCacheThreshold);
    sum += Number.isNaN(load) ? 1 : load;
  }
  return sum / candidates.length;
}
