import type { ColumnKey } from "@outrider/core";

/** Column that a scraped value goes to. */
export type ScrapedKey = ColumnKey | `metric.${string}`;

/**
 * What one family of a metrics page is read for. A server may expose a family once per engine; how the values of its
 * engines become one says `combine`.
 */
export type SeriesSpec =
  /** The value is a measurement; what is negative, not finite or above `max` is unknown. */
  | {
      readonly kind: "gauge";
      readonly metric: string;
      readonly column: ScrapedKey;
      readonly combine: "sum" | "mean";
      readonly max?: number;
      /** Label that names the model, for the set `models`. */
      readonly modelLabel?: string;
    }
  /** The measurements are labels; `first` is for what all engines share. */
  | {
      readonly kind: "info";
      readonly metric: string;
      readonly labels: readonly {
        readonly label: string;
        readonly column: ScrapedKey;
        readonly combine: "sum" | "first";
      }[];
    }
  /** The series with the largest value is the live one; its labels hold adapters, separated by commas. */
  | {
      readonly kind: "adapters";
      readonly metric: string;
      readonly column: ScrapedKey;
      readonly maxLabel: string;
      readonly runningLabel: string;
      readonly waitingLabel: string;
    }
  /** Start of the process in Unix seconds: a later one is a restart. */
  | { readonly kind: "start"; readonly metric: string }
  /** A counter that falls only with a restart; asked where the page names no start. */
  | { readonly kind: "counter"; readonly metric: string };

/** How one kind of model server names its metrics. */
export interface EngineSpec {
  /** Name of the engine, as in the label `llm-d.ai/engine-type`. */
  readonly engine: string;
  readonly series: readonly SeriesSpec[];
}

/** vLLM's names, seen on 0.32. */
export const vllmSpec: EngineSpec = {
  engine: "vllm",
  series: [
    { kind: "start", metric: "process_start_time_seconds" },
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

/** Columns that pages of an engine fill, each once. */
export function scrapedColumns({ series }: EngineSpec): readonly ScrapedKey[] {
  const keys = series.flatMap((spec) => {
    if (spec.kind === "info") return spec.labels.map(({ column }) => column);
    return spec.kind === "gauge" || spec.kind === "adapters" ? [spec.column] : [];
  });
  return [...new Set(keys)];
}
