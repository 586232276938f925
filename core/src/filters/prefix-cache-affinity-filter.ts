import type { CycleCall } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepPositions } from "./keep-slots.ts";

/** `parameters:` of a `prefix-cache-affinity-filter`. */
export interface PrefixCacheAffinityOptions {
  /** Cached share of the prompt's prefix blocks from which an endpoint counts as having it. */
  readonly affinityThreshold: number;
  /** Share of the requests for which the prefix does not count. */
  readonly explorationProbability: number;
  /** TTFT that having the prefix may cost, in ms; 0 = any. */
  readonly maxTTFTPenaltyMs: number;
  /** Where TTFT is taken from: prompt tokens in flight by a throughput, or what a producer predicts. */
  readonly ttftSource: "prefillThroughput" | "latencyPredictor";
  /** Prompt tokens a second that an endpoint computes. */
  readonly peakPrefillThroughput: number;
}

/**
 * Keeps the endpoints that have the prompt's prefix cached; all where none has, or where even the fastest of them takes
 * too much longer than the fastest of the others. Where a TTFT is unknown it does not speak against them.
 */
export function createPrefixCacheAffinityFilter(name: string, options: PrefixCacheAffinityOptions): Filter {
  const { affinityThreshold, explorationProbability, maxTTFTPenaltyMs } = options;
  return {
    name,
    type: "prefix-cache-affinity-filter",
    filter(call) {
      const { candidates, data, random } = call;
      if (explorationProbability > 0 && random() < explorationProbability) return candidates;
      const matched = data.get("data.prefix_match_blocks");
      const total = data.get("data.prefix_total_blocks");
      const isSticky = (position: number) =>
        total[position] > 0 && matched[position] / total[position] >= affinityThreshold;
      const sticky = keepPositions(candidates, isSticky);
      if (sticky.length === 0 || sticky.length === candidates.length || maxTTFTPenaltyMs === 0) {
        return sticky.length === 0 ? candidates : sticky;
      }
      return penaltyMs(call, isSticky, options) > maxTTFTPenaltyMs ? candidates : sticky;
    },
  };
}

/** Best TTFT of those that have the prefix above that of the others, in ms; `NaN` where one of both is unknown. */
function penaltyMs(
  call: CycleCall,
  isSticky: (position: number) => boolean,
  options: PrefixCacheAffinityOptions,
): number {
  const ttftOf = createTtft(call, options);
  let [sticky, other] = [Number.NaN, Number.NaN];
  for (let i = 0; i < call.candidates.length; i++) {
    const ttftMs = ttftOf(i);
    if (isSticky(i)) sticky = lesser(sticky, ttftMs);
    else other = lesser(other, ttftMs);
  }
  return sticky - other;
}

function createTtft(
  { candidates, columns, data }: CycleCall,
  { ttftSource, peakPrefillThroughput }: PrefixCacheAffinityOptions,
): (position: number) => number {
  const predicted = data.get("data.predicted_ttft_ms");
  if (ttftSource === "latencyPredictor") return (position) => predicted[position];
  const { inflightPromptTokens } = columns;
  return (position) => (inflightPromptTokens[candidates[position]] / peakPrefillThroughput) * 1_000;
}

/** The lesser of the two, the known one where only one is. */
function lesser(a: number, b: number): number {
  return b >= a ? a : Number.isNaN(b) ? a : b;
}
