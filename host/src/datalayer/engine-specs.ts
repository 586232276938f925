import type { EngineSpec, SeriesSpec } from "./engine-spec.ts";

const start: SeriesSpec = { kind: "start", metric: "process_start_time_seconds" };

/** vLLM's names, seen on 0.32. */
export const vllmSpec: EngineSpec = {
  engine: "vllm",
  series: [
    start,
    {
      kind: "gauge",
      metric: "vllm:num_requests_running",
      column: "running_requests",
      combine: "sum",
      modelLabel: "model_name",
    },
    { kind: "gauge", metric: "vllm:num_requests_waiting", column: "waiting_requests", combine: "sum" },
    { kind: "gauge", metric: "vllm:kv_cache_usage_perc", column: "kv_cache_usage", combine: "mean", max: 1 },
    { kind: "counter", metric: "vllm:prompt_tokens_total" },
    { kind: "total", metric: "vllm:prompt_tokens_total", column: "rate.prompt_tokens" },
    {
      kind: "total",
      metric: "vllm:prompt_tokens_by_source_total",
      match: { source: "local_compute" },
      column: "rate.prompt_tokens",
    },
    { kind: "total", metric: "vllm:generation_tokens_total", column: "rate.output_tokens" },
    {
      kind: "adapters",
      metric: "vllm:lora_requests_info",
      column: "max_adapters",
      maxLabel: "max_lora",
      runningLabel: "running_lora_adapters",
      waitingLabel: "waiting_lora_adapters",
    },
    {
      kind: "info",
      metric: "vllm:cache_config_info",
      labels: [
        { label: "block_size", column: "kv_block_tokens", combine: "first" },
        { label: "num_gpu_blocks", column: "kv_total_blocks", combine: "sum" },
      ],
    },
  ],
};

/** SGLang's names; newer versions give the two sizes of the cache as gauges. */
const sglangSpec: EngineSpec = {
  engine: "sglang",
  series: [
    start,
    {
      kind: "gauge",
      metric: "sglang:num_running_reqs",
      column: "running_requests",
      combine: "sum",
      modelLabel: "model_name",
    },
    { kind: "gauge", metric: "sglang:num_queue_reqs", column: "waiting_requests", combine: "sum" },
    { kind: "gauge", metric: "sglang:token_usage", column: "kv_cache_usage", combine: "mean", max: 1 },
    { kind: "counter", metric: "sglang:prompt_tokens_total" },
    { kind: "total", metric: "sglang:prompt_tokens_total", column: "rate.prompt_tokens" },
    { kind: "total", metric: "sglang:generation_tokens_total", column: "rate.output_tokens" },
    {
      kind: "info",
      metric: "sglang:cache_config_info",
      labels: [
        { label: "page_size", column: "kv_block_tokens", combine: "first" },
        { label: "num_pages", column: "kv_total_blocks", combine: "sum" },
      ],
    },
    { kind: "gauge", metric: "sglang:page_size", column: "kv_block_tokens", combine: "first" },
    { kind: "gauge", metric: "sglang:num_pages", column: "kv_total_blocks", combine: "sum" },
  ],
};

/** Names of TensorRT-LLM's own server. */
const trtllmSpec: EngineSpec = {
  engine: "trtllm-serve",
  series: [
    start,
    { kind: "gauge", metric: "trtllm_num_requests_running", column: "running_requests", combine: "sum" },
    { kind: "gauge", metric: "trtllm_num_requests_waiting", column: "waiting_requests", combine: "sum" },
    { kind: "gauge", metric: "trtllm_kv_cache_utilization", column: "kv_cache_usage", combine: "mean", max: 1 },
    { kind: "gauge", metric: "trtllm_kv_cache_tokens_per_block", column: "kv_block_tokens", combine: "first" },
    { kind: "gauge", metric: "trtllm_kv_cache_max_blocks", column: "kv_total_blocks", combine: "sum" },
  ],
};

const tritonRequests = "nv_trt_llm_request_metrics";
const tritonBlocks = "nv_trt_llm_kv_cache_block_metrics";

/** Names of Triton with TensorRT-LLM behind it: one family of requests and one of blocks, told apart by a label. */
const tritonTrtllmSpec: EngineSpec = {
  engine: "triton-tensorrt-llm",
  series: [
    start,
    {
      kind: "gauge",
      metric: tritonRequests,
      match: { request_type: "scheduled" },
      column: "running_requests",
      combine: "sum",
    },
    {
      kind: "gauge",
      metric: tritonRequests,
      match: { request_type: "waiting" },
      column: "waiting_requests",
      combine: "sum",
    },
    {
      kind: "gauge",
      metric: tritonBlocks,
      match: { kv_cache_block_type: "fraction" },
      column: "kv_cache_usage",
      combine: "mean",
      max: 1,
    },
    {
      kind: "gauge",
      metric: tritonBlocks,
      match: { kv_cache_block_type: "tokens_per" },
      column: "kv_block_tokens",
      combine: "first",
    },
    {
      kind: "gauge",
      metric: tritonBlocks,
      match: { kv_cache_block_type: "max" },
      column: "kv_total_blocks",
      combine: "sum",
    },
  ],
};

/** Triton's names. It counts executions since its start and not those under way: how many run stays unknown. */
const tritonSpec: EngineSpec = {
  engine: "triton",
  series: [
    start,
    { kind: "gauge", metric: "nv_inference_pending_request_count", column: "waiting_requests", combine: "sum" },
    { kind: "counter", metric: "nv_inference_exec_count" },
  ],
};

/** Engines that need no configuration. */
export const builtInEngines: readonly EngineSpec[] = [vllmSpec, sglangSpec, trtllmSpec, tritonTrtllmSpec, tritonSpec];
