import { defineProducer, type FeedbackEvent, type ScoreCall, uncachedTokens } from "@outrider/plugin-sdk";
import type { z } from "zod";
import { inflightLoadConfig } from "./config.ts";
import { createTokensSent } from "./tokens-sent.ts";

/**
 * Tells for each candidate the tokens in flight there and the prompt tokens that it has not cached. Prompt tokens count
 * until the first token of the answer, the output expected of a request until it is done.
 */
export const inflightLoadProducer = defineProducer({
  type: "inflight-load-producer",
  state: "local",
  needs: [
    "request.prompt_tokens",
    "request.max_output_tokens",
    "inflight_prompt_tokens",
    "data.prefix_match_blocks",
    "data.prefix_total_blocks",
    "events.picked",
  ],
  produces: ["data.inflight_tokens", "data.uncached_tokens"],
  config: inflightLoadConfig,
  create: (config) => {
    const output = createTokensSent();
    return {
      produce(call, [inflightTokens, uncached]) {
        const { candidates, columns, request } = call;
        if (config.addEstimatedOutputTokens) output.expect(call.callId, estimateOutput(request, config));
        writeUncached(call, uncached);
        for (let i = 0; i < candidates.length; i++) {
          const slot = candidates[i];
          inflightTokens[i] = columns.inflightPromptTokens[slot] + output.at(slot);
        }
        return undefined;
      },
      feedback(event: FeedbackEvent) {
        if (event.kind === "picked") output.sent(event.callId, event.slot);
        else if (event.kind === "done") output.done(event.callId);
      },
      endpointsChanged: ({ removedSlots }) => output.forget(removedSlots),
    };
  },
});

function estimateOutput(
  { promptTokens, maxOutputTokens }: ScoreCall["request"],
  { outputRatio, maxEstimatedOutputTokens = Infinity }: z.output<typeof inflightLoadConfig>,
): number {
  const clientMost = maxOutputTokens === 0 ? Infinity : maxOutputTokens;
  return Math.min(Math.round(promptTokens * outputRatio), clientMost, maxEstimatedOutputTokens);
}

function writeUncached({ request, data }: ScoreCall, uncached: Float32Array): void {
  const matched = data.get("data.prefix_match_blocks");
  const total = data.get("data.prefix_total_blocks");
  for (let i = 0; i < uncached.length; i++) uncached[i] = uncachedTokens(request.promptTokens, matched[i], total[i]);
}
