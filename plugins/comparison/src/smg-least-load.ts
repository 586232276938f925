import { defineScorer, type FeedbackEvent, type ScoreCall } from "@outrider/plugin-sdk";
import { smgLeastLoadConfig } from "./config.ts";
import { createDispatched } from "./dispatched.ts";
import { preferLeast } from "./prefer-least.ts";

/** Share of the KV cache in use at most, so that a full one costs much and not for ever. */
const mostUsage = 0.999;

/**
 * SMG's least_load: the least of `(queued + dispatched tokens) ÷ throughput + w · k ÷ (1 − k)` seconds, `least ÷ seconds`
 * as a score. Dispatched counts what was sent since the last scrape alone. Abstains where queue or KV use is unknown.
 */
export const smgLeastLoad = defineScorer({
  type: "smg-least-load",
  category: "distribution",
  state: "local",
  needs: [
    "waiting_requests",
    "kv_cache_usage",
    "rate.prompt_tokens",
    "rate.output_tokens",
    { key: "events.picked", required: true },
  ],
  config: smgLeastLoadConfig,
  create: ({ defaultTokensPerSecond, tokensPerRequest, kvWeightSeconds }) => {
    const dispatched = createDispatched(tokensPerRequest);
    /** Tokens that the scraped queue does not show yet. */
    const sentSince = ({ columns, nowMs }: ScoreCall, slot: number) =>
      dispatched.isIdle(slot) ? 0 : dispatched.since(slot, Math.floor(nowMs) - columns.ageMs("waiting_requests", slot));
    return {
      score(call, scores) {
        const { candidates, columns } = call;
        const { waitingRequests, kvCacheUsage } = columns;
        const prompt = columns.get("rate.prompt_tokens");
        const output = columns.get("rate.output_tokens");
        for (let i = 0; i < candidates.length; i++) {
          const slot = candidates[i];
          const tokens = waitingRequests[slot] * tokensPerRequest + sentSince(call, slot);
          const throughput = prompt[slot] + output[slot];
          const usage = Math.min(kvCacheUsage[slot], mostUsage);
          const seconds = tokens / (throughput > 0 ? throughput : defaultTokensPerSecond);
          scores[i] = seconds + (kvWeightSeconds * usage) / (1 - usage);
        }
        const unknown = candidates.length - preferLeast(scores);
        return unknown === 0 ? undefined : `queue or KV use unknown at ${unknown} of ${candidates.length}`;
      },
      feedback(event: FeedbackEvent) {
        if (event.kind === "picked") dispatched.sent(event.slot, event.promptTokens, event.atMs);
      },
      endpointsChanged: ({ removedSlots }) => dispatched.forget(removedSlots),
    };
  },
});
