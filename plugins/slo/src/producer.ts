import { defineProducer } from "@outrider/plugin-sdk";
import { predictedLatencyConfig, toMs } from "./config.ts";
import { packLatency, unpackLatency } from "./learner/handoff.ts";
import { LearnedLatency } from "./learner/learned-latency.ts";
import { createReasons } from "./reasons.ts";

/**
 * Predicts TTFT and TPOT of the request at each candidate, mean and 90th percentile, from the prompt's uncached tokens
 * and what the endpoint has to do, by models that learn from each answer; of an answer that is not streamed the TTFT is
 * its end. Writes nothing before it has seen some answers, or where queue, batch or KV cache are unknown.
 */
export const predictedLatencyProducer = defineProducer({
  type: "predicted-latency-producer",
  state: "local",
  needs: [
    "request.prompt_tokens",
    "request.stream",
    "waiting_requests",
    "running_requests",
    "kv_cache_usage",
    "inflight_requests",
    "data.prefix_match_blocks",
    "data.prefix_total_blocks",
    "events.picked",
    "events.progress",
    { key: "events.done", required: true },
  ],
  produces: [
    "data.predicted_ttft_ms",
    "data.predicted_ttft_ms_p90",
    "data.predicted_tpot_ms",
    "data.predicted_tpot_ms_p90",
  ],
  config: predictedLatencyConfig,
  create: ({ contextTTL, minSamples }) => {
    const learned = new LearnedLatency({ ttlMs: toMs(contextTTL), minSamples });
    const reasonOf = createReasons(learned, minSamples);
    return {
      produce(call, values) {
        const known = learned.predict(call, values);
        return reasonOf(call, known);
      },
      feedback: (event) => learned.feedback(event),
      endpointsChanged: (change) => learned.endpointsChanged(change),
      handoff: () => packLatency(learned),
      restore: (state) => unpackLatency(state, learned),
    };
  },
});
