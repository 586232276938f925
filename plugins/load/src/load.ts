import { defineScorer, type FeedbackEvent, type ScoreCall } from "@outrider/plugin-sdk";
import { loadConfig } from "./config.ts";
import { createRequestSizes } from "./request-sizes.ts";
import { tellUnknown } from "./tell-unknown.ts";

/** Least speed that an endpoint is taken to have, of the typical one: what stood still for a while may go on. */
const slowest = 1 / 16;

/**
 * Prefers endpoints that would be done with this request soonest: `half ÷ (half + seconds − least)`, seconds being the
 * tokens that wait and run there and those of this request, without what is likely cached, over the tokens per second
 * that the endpoint has shown it can do. What this host sent counts as of this very request, what others sent as of the
 * last scrape. Abstains where that is unknown.
 */
export const load = defineScorer({
  type: "load",
  category: "distribution",
  state: "local",
  needs: [
    "foreign_requests",
    "rate.saturated_tokens",
    "inflight_requests",
    "inflight_prompt_tokens",
    "request.prompt_tokens",
    "events.done",
  ],
  config: loadConfig,
  create: ({ halfScoreSeconds, defaultTokensPerSecond, defaultRequestTokens }) => {
    const sizes = createRequestSizes(defaultRequestTokens);
    return {
      score(call, scores) {
        const { candidates, columns, request } = call;
        const { inflightRequests, inflightPromptTokens } = columns;
        const { prompt, output, uncachedShare } = sizes.current;
        const speeds = columns.get("rate.saturated_tokens");
        const foreign = columns.get("foreign_requests");
        const typical = meanOf(speeds, candidates) || defaultTokensPerSecond;
        const own = (uncachedShare * request.promptTokens || prompt) + output;
        let least = Infinity;
        let known = 0;
        for (let i = 0; i < candidates.length; i++) {
          const slot = candidates[i];
          // Of requests under way half the output is left, on the average.
          const requests = inflightRequests[slot] + foreign[slot];
          const due = uncachedShare * inflightPromptTokens[slot] + foreign[slot] * prompt;
          const tokens = due + (requests * output) / 2;
          const speed = Number.isNaN(speeds[slot]) ? typical : Math.max(speeds[slot], typical * slowest);
          const seconds = (tokens + own) / speed;
          if (Number.isNaN(seconds)) continue;
          known += 1;
          scores[i] = seconds;
          if (scores[i] < least) least = scores[i];
        }
        for (let i = 0; i < candidates.length; i++) {
          scores[i] = halfScoreSeconds / (halfScoreSeconds + scores[i] - least);
        }
        return tellUnknown("load", known, candidates.length);
      },
      feedback(event: FeedbackEvent) {
        if (event.kind === "done") sizes.note(event);
      },
    };
  },
});

/** Mean of what is known and above 0; 0 where nothing is. */
function meanOf(speeds: Float32Array, candidates: ScoreCall["candidates"]): number {
  let sum = 0;
  let count = 0;
  for (const slot of candidates) {
    const speed = speeds[slot];
    if (!(speed > 0)) continue;
    sum += speed;
    count += 1;
  }
  return count === 0 ? 0 : sum / count;
}
