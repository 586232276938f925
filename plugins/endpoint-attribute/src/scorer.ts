import { defineScorer, toAttributeKey } from "@outrider/plugin-sdk";
import { endpointAttributeConfig } from "./config.ts";

/**
 * Rates endpoints by one measured value: where it lies in a range, fixed or that of the candidates, clamped to [0, 1];
 * 1 for all where the candidates' range is a point. Abstains where the value is unknown.
 */
export const endpointAttributeScorer = defineScorer({
  type: "endpoint-attribute-scorer",
  category: "distribution",
  state: "none",
  needs: [],
  needsOf: ({ attributeKey }) => [toAttributeKey(attributeKey)],
  config: endpointAttributeConfig,
  create: ({ attributeKey, algorithm: { type, normalization } }) => {
    const key = toAttributeKey(attributeKey);
    const isLowBest = type === "linear_lower_is_better";
    return {
      score({ candidates, columns }, scores) {
        const values = columns.get(key);
        const { min, max } = normalization.fixedRange ?? rangeOf(values, candidates);
        let known = 0;
        for (let i = 0; i < candidates.length; i++) {
          const value = values[candidates[i]];
          if (Number.isNaN(value)) continue;
          known += 1;
          const share = (Math.min(Math.max(value, min), max) - min) / (max - min);
          scores[i] = min === max ? 1 : isLowBest ? 1 - share : share;
        }
        const unknown = candidates.length - known;
        return unknown === 0 ? undefined : `${attributeKey} unknown at ${unknown} of ${candidates.length}`;
      },
    };
  },
});

function rangeOf(values: Float32Array, candidates: Uint32Array): { readonly min: number; readonly max: number } {
  let min = Infinity;
  let max = -Infinity;
  for (const slot of candidates) {
    const value = values[slot];
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}
