import { z } from "zod";
import type { Combine, EngineSpec, ScrapedKey, SeriesSpec } from "../../datalayer/engine-spec.ts";
import { parseMetricSpec } from "../../datalayer/parse-metric-spec.ts";

/** A metric, as `name{label=value,…}`. */
const spec = z
  .string()
  .refine((text) => text === "" || parseMetricSpec(text) !== undefined, "must be name or name{label=value,…}");

/** A spec that may be left out: nothing is read then. */
const optionalSpec = spec.default("");

/** Further metrics of an engine, each a column of the endpoints. */
const customMetric = z.strictObject({
  /** Key of the column, which plugins and filters know as `metric.KEY`. */
  attributeKey: z
    .string()
    .regex(/^[\p{L}_:][\p{L}\p{N}_:.-]*$/u, "must be letters, digits and any of _:.- behind a letter"),
  /** What it is read of; a counter too. */
  metricSpec: spec.refine((text) => text !== "", "must not be empty"),
  /** How several series become one value. */
  combine: z.enum(["sum", "mean", "max", "first"]).default("sum"),
});

/** How one kind of model server names its metrics; what is left out is not read. */
export const engineConfig = z
  .strictObject({
    /** What the engine's label says. */
    name: z
      .string()
      .min(1, "must not be empty")
      .refine((text) => text !== "default", "is reserved: defaultEngine names the engine without a label"),
    /** Requests that wait. */
    queuedRequestsSpec: optionalSpec,
    /** Requests that run. */
    runningRequestsSpec: optionalSpec,
    /** Share of the KV cache in use, in [0, 1]. */
    kvUsageSpec: optionalSpec,
    /** Adapters, in the labels `max_lora`, `running_lora_adapters`, `waiting_lora_adapters`. */
    loraSpec: optionalSpec,
    /** Sizes of the KV cache, in labels. */
    cacheInfoSpec: optionalSpec,
    /** Label of the tokens of a block. */
    cacheBlockSizeLabelName: z.string().default("block_size"),
    /** Label of the count of blocks. */
    cacheNumBlocksLabelName: z.string().default("num_gpu_blocks"),
    /** Tokens of a block, where it is a metric. */
    cacheBlockSizeSpec: optionalSpec,
    /** Count of blocks, where it is a metric. */
    cacheNumBlocksSpec: optionalSpec,
    /** Further metrics. */
    customMetrics: z.array(customMetric).max(32).default([]),
  })
  .refine(
    (config) =>
      config.customMetrics.length > 0 ||
      Object.entries(config).some(([field, value]) => field.endsWith("Spec") && value !== ""),
    "names no metric",
  );

/** An engine of the configuration. */
export type EngineConfig = z.output<typeof engineConfig>;

/** The names of an engine as the data layer reads them. */
export function toEngineSpec(config: EngineConfig): EngineSpec {
  const { queuedRequestsSpec, runningRequestsSpec, kvUsageSpec, cacheBlockSizeSpec, cacheNumBlocksSpec } = config;
  return {
    engine: config.name,
    series: [
      { kind: "start", metric: "process_start_time_seconds" },
      ...gauge(runningRequestsSpec, "running_requests", "sum"),
      ...gauge(queuedRequestsSpec, "waiting_requests", "sum"),
      ...gauge(kvUsageSpec, "kv_cache_usage", "mean", { max: 1 }),
      ...adapters(config),
      ...cacheInfo(config),
      ...gauge(cacheBlockSizeSpec, "kv_block_tokens", "first"),
      ...gauge(cacheNumBlocksSpec, "kv_total_blocks", "sum"),
      ...config.customMetrics.flatMap(({ attributeKey, metricSpec, combine }) =>
        gauge(metricSpec, `metric.${attributeKey}`, combine, { min: Number.NEGATIVE_INFINITY, takesCounter: true }),
      ),
    ],
  };
}

function gauge(text: string, column: ScrapedKey, combine: Combine, more: object = {}): SeriesSpec[] {
  const source = parseMetricSpec(text);
  return source === undefined ? [] : [{ kind: "gauge", ...source, column, combine, ...more }];
}

function adapters({ loraSpec }: EngineConfig): SeriesSpec[] {
  const source = parseMetricSpec(loraSpec);
  if (source === undefined) return [];
  const labels = {
    maxLabel: "max_lora",
    runningLabel: "running_lora_adapters",
    waitingLabel: "waiting_lora_adapters",
  };
  return [{ kind: "adapters", ...source, column: "max_adapters", ...labels }];
}

function cacheInfo({ cacheInfoSpec, cacheBlockSizeLabelName, cacheNumBlocksLabelName }: EngineConfig): SeriesSpec[] {
  const source = parseMetricSpec(cacheInfoSpec);
  if (source === undefined) return [];
  return [
    {
      kind: "info",
      ...source,
      labels: [
        { label: cacheBlockSizeLabelName || "block_size", column: "kv_block_tokens", combine: "first" },
        { label: cacheNumBlocksLabelName || "num_gpu_blocks", column: "kv_total_blocks", combine: "sum" },
      ],
    },
  ];
}
