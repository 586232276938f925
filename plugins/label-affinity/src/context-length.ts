import { defineScorer, parseTokenRange, perEndpoint, type TokenRange } from "@outrider/plugin-sdk";
import { contextLengthConfig } from "./config.ts";

/**
 * Prefers endpoints that are meant for prompts of this length, and of those the ones with the narrowest range and the
 * most room above it. Endpoints without the label are neutral; a label that is no range scores 0. Abstains where the
 * length is unknown. With `enableFiltering` a filter of the host goes with it.
 */
export const contextLengthAware = defineScorer({
  type: "context-length-aware",
  category: "affinity",
  state: "none",
  needs: ["request.prompt_tokens"],
  needsOf: ({ label }) => [{ key: "endpoint.labels", names: [label], required: true }],
  config: contextLengthConfig,
  create: ({ label }) => {
    const rangeOf = perEndpoint(({ labels }) => (Object.hasOwn(labels, label) ? parseLabel(labels[label]) : "any"));
    return {
      score({ candidates, endpoints, request: { promptTokens } }, scores) {
        if (promptTokens === 0) return "length of the prompt unknown";
        for (let i = 0; i < candidates.length; i++) {
          const endpoint = endpoints.at(candidates[i]);
          scores[i] = endpoint === undefined ? Number.NaN : rate(rangeOf(endpoint), promptTokens);
        }
        return undefined;
      },
    };
  },
});

/** What a label says: a range, any length, or nothing that can be read. */
type Meant = TokenRange | "any" | "unreadable";

function parseLabel(text: string | undefined): Meant {
  return text === undefined || text === "" ? "any" : (parseTokenRange(text) ?? "unreadable");
}

function rate(meant: Meant, tokens: number): number {
  if (meant === "any") return 0.5;
  if (meant === "unreadable") return 0;
  const { min, max } = meant;
  if (tokens < min || tokens > max) return 0.3 / (1 + Math.max(min - tokens, tokens - max) / 1000);
  const width = max - min;
  if (width === 0) return 1;
  return 0.3 + 0.7 * (0.7 / (1 + width / 10_000) + (0.3 * (max - tokens)) / width);
}
