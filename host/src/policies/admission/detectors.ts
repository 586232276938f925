import {
  createConcurrencyDetector,
  createConcurrencyDetectorFilter,
  createUtilizationDetector,
  createUtilizationDetectorFilter,
  type NeedKey,
} from "@outrider/core";
import { z } from "zod";
import { parseDurationMs } from "../../config/units.ts";
import { inFlightLoadProducerName, toProducerRefs } from "../common-parameters.ts";
import { definePolicy } from "../policy-type.ts";

/** Share by which the filter's limits lie above the thresholds: 0.2 = a fifth. */
const headroom = z.number().min(0).default(0);

/** A time as Go writes it, above 0; becomes ms. */
const age = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: "custom", message: "must be a time above 0 with its unit, such as 200ms" });
  return z.NEVER;
});

/** `parameters:` of a `utilization-detector`. */
const utilizationParameters = z.strictObject({
  /** Waiting requests at which an endpoint is full. */
  queueDepthThreshold: z.int().min(1).default(5),
  /** Share of the KV cache in use at which an endpoint is full. */
  kvCacheUtilThreshold: z.number().gt(0).max(1).default(0.8),
  /** Age beyond which a measurement does not count: the endpoint is full then. */
  metricsStalenessThreshold: age.prefault("200ms"),
  headroom,
});

/** Load as the model servers measure it. */
export const utilizationDetector = definePolicy({
  type: "utilization-detector",
  about:
    "Detects saturation by queue and KV cache, each by its threshold; as a filter keeps the endpoints below both, " +
    "all where none is.",
  parameters: utilizationParameters,
  needs: (): readonly NeedKey[] => ["waiting_requests", "kv_cache_usage"],
  oddities: oddHeadroom,
  explain: ({ queueDepthThreshold, kvCacheUtilThreshold, metricsStalenessThreshold }) =>
    `holds an endpoint for full at ${queueDepthThreshold} waiting requests or ${kvCacheUtilThreshold} of its KV cache, ` +
    `and when one of them was not measured for ${metricsStalenessThreshold} ms`,
  detector: (name, parameters) => createUtilizationDetector(name, toOptions(parameters)),
  filter: (name, parameters) => createUtilizationDetectorFilter(name, toOptions(parameters)),
});

/** `parameters:` of a `concurrency-detector`. */
const concurrencyParameters = z.strictObject({
  /** What is counted: `requests` in flight, prompt `tokens` of those without a first token yet, or the fuller of both. */
  concurrencyMode: z.enum(["requests", "tokens", "hybrid"]).default("requests"),
  /** Requests at which an endpoint is full. */
  maxConcurrency: z.int().min(1).default(100),
  /** Tokens at which an endpoint is full. */
  maxTokenConcurrency: z.int().min(1).default(1_000_000),
  headroom,
  inFlightLoadProducerName,
});

/** Load as the host itself counts it. */
export const concurrencyDetector = definePolicy({
  type: "concurrency-detector",
  about:
    "Detects saturation by what the host has sent and is not done; as a filter keeps the endpoints below their limit, " +
    "all where none is.",
  parameters: concurrencyParameters,
  needs: (): readonly NeedKey[] => ["inflight_requests", "inflight_prompt_tokens"],
  refs: toProducerRefs,
  oddities: oddHeadroom,
  explain: ({ concurrencyMode, maxConcurrency, maxTokenConcurrency }) => {
    const full = { requests: `${maxConcurrency} requests`, tokens: `${maxTokenConcurrency} prompt tokens` };
    const by = concurrencyMode === "hybrid" ? `${full.requests} or ${full.tokens}` : full[concurrencyMode];
    return `holds an endpoint for full at ${by} in flight`;
  },
  detector: createConcurrencyDetector,
  filter: createConcurrencyDetectorFilter,
});

function toOptions({ metricsStalenessThreshold, ...rest }: z.output<typeof utilizationParameters>) {
  return { ...rest, metricsStalenessMs: metricsStalenessThreshold };
}

function oddHeadroom({ headroom }: { readonly headroom: number }) {
  if (headroom <= 1) return [];
  return [{ path: ["headroom"], message: `more than doubles the limits`, hint: "it is a share, not percent" }];
}
