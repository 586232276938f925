import type { EngineStats, RequestResult } from "@outrider/lab/engine";
import type { Histogram } from "./histogram.ts";
import { createMetricsPage } from "./page.ts";
import { toMetricValue } from "./value.ts";

/** What the page of a server says of it once and for all. */
export interface ServerFacts {
  /** Name the model is served under. */
  readonly model: string;
  /** Tokens of one KV block. */
  readonly blockSizeTokens: number;
  /** KV blocks in all. */
  readonly totalBlocks: number;
  /** Real seconds that an engine second takes. */
  readonly timeScale: number;
}

/** The metrics of one server; times are told as a client sees them, scaled. */
export interface ServerMetrics {
  /** A first token came, so many engine ms after its request: what its prompt took counts from then on, as in vLLM. */
  countFirstToken(ttftMs: number, promptTokens: number, cachedTokens: number): void;
  /** A request ended with its last token. */
  countDone(result: RequestResult, reason: "stop" | "length"): void;
  /** Most bytes of a page, but for `loraFamily`. */
  readonly maxPageBytes: number;
  /** Writes the page to the start of `page`. @returns its length in bytes. */
  render(page: Buffer, stats: EngineStats, loraFamily: string): number;
}

const ttftFamily = "vllm:time_to_first_token_seconds";

/** Metrics at zero. @param createdS Unix time of the server's start. */
export function createServerMetrics(facts: ServerFacts, createdS: number): ServerMetrics {
  const secondsPerMs = facts.timeScale / 1000;
  const observers = doneObservers(secondsPerMs);
  const page = createMetricsPage(toConstants(facts, createdS), [ttftFamily, ...Object.keys(observers)]);
  const histogram = (family: string): Histogram => page.histograms.get(family)!;
  const done = Object.entries(observers).map(([family, observe]) => ({ histogram: histogram(family), observe }));
  const ended = { stop: 0, length: 0 };
  const prompts = { tokens: 0, cached: 0 };
  return {
    maxPageBytes: page.maxBytes,
    countFirstToken(ttftMs, promptTokens, cachedTokens) {
      histogram(ttftFamily).observe(ttftMs * secondsPerMs);
      prompts.tokens += promptTokens;
      prompts.cached += cachedTokens;
    },
    countDone(result, reason) {
      ended[reason] += 1;
      for (const { histogram, observe } of done) observe(histogram, result);
    },
    render(target, stats, loraFamily) {
      const { running, waiting, kvUsage, queriedTokens, cachedTokens, generatedTokens, preemptions, aborted } = stats;
      const live = {
        running,
        waiting,
        kv_usage: kvUsage,
        queried_tokens: queriedTokens,
        cached_tokens: cachedTokens,
        prompt_tokens: prompts.tokens,
        prompt_cached_tokens: prompts.cached,
        prompt_computed_tokens: prompts.tokens - prompts.cached,
        generated_tokens: generatedTokens,
        preemptions,
        ended_stop: ended.stop,
        ended_length: ended.length,
        ended_abort: aborted,
      };
      return page.render(target, live, loraFamily);
    },
  };
}

function toConstants({ model, blockSizeTokens, totalBlocks }: ServerFacts, createdS: number) {
  return {
    model,
    created: toMetricValue(createdS),
    block_size: String(blockSizeTokens),
    blocks: String(totalBlocks),
    kv_tokens: String(totalBlocks * blockSizeTokens),
  };
}

type Observe = (histogram: Histogram, result: RequestResult) => void;

/** What an ended request adds to which histogram. */
function doneObservers(secondsPerMs: number): Readonly<Record<string, Observe>> {
  const seconds = (from: keyof RequestResult, to: keyof RequestResult): Observe => {
    return (histogram, result) => histogram.observe((result[to] - result[from]) * secondsPerMs);
  };
  const count = (of: (result: RequestResult) => number): Observe => {
    return (histogram, result) => histogram.observe(of(result));
  };
  const gapSeconds = ({ doneMs, firstTokenMs, outputTokens }: RequestResult) =>
    ((doneMs - firstTokenMs) / (outputTokens - 1)) * secondsPerMs;
  return {
    "vllm:request_prompt_tokens": count(({ promptTokens }) => promptTokens),
    "vllm:request_generation_tokens": count(({ outputTokens }) => outputTokens),
    "vllm:request_max_num_generation_tokens": count(({ outputTokens }) => outputTokens),
    "vllm:request_params_max_tokens": count(({ outputTokens }) => outputTokens),
    "vllm:request_params_n": count(() => 1),
    "vllm:inter_token_latency_seconds": (histogram, result) => {
      if (result.outputTokens > 1) histogram.observe(gapSeconds(result), result.outputTokens - 1);
    },
    "vllm:request_time_per_output_token_seconds": (histogram, result) => {
      if (result.outputTokens > 1) histogram.observe(gapSeconds(result));
    },
    "vllm:e2e_request_latency_seconds": seconds("submittedMs", "doneMs"),
    "vllm:request_queue_time_seconds": seconds("submittedMs", "admittedMs"),
    "vllm:request_inference_time_seconds": seconds("admittedMs", "doneMs"),
    "vllm:request_prefill_time_seconds": seconds("admittedMs", "firstTokenMs"),
    "vllm:request_decode_time_seconds": seconds("firstTokenMs", "doneMs"),
    "vllm:request_num_preemptions": count(({ preemptions }) => preemptions),
    "vllm:request_prefill_kv_computed_tokens": count(({ promptTokens, cachedTokens }) => promptTokens - cachedTokens),
  };
}
