import {
  createAttributeFilter,
  createUtilizationFilter,
  thresholdOperators,
  toAttributeKey,
  utilizationMetrics,
} from "@outrider/core";
import { z } from "zod";
import { fallbackOnEmpty, inFlightLoadProducerName, toProducerRefs } from "../common-parameters.ts";
import { definePolicy } from "../policy-type.ts";

/** One limit. */
const condition = z
  .strictObject({
    /** What is limited: requests that the host has sent and are not done, or a metric of the model server. */
    metric: z.enum(Object.keys(utilizationMetrics) as (keyof typeof utilizationMetrics)[]),
    /** Largest value that passes; a share of 1 for `kv-cache-utilization`. */
    maxValue: z.number().min(0),
  })
  .refine(({ metric, maxValue }) => metric !== "kv-cache-utilization" || maxValue <= 1, {
    path: ["maxValue"],
    error: "is a share of the KV cache and so at most 1",
  });

/** `parameters:` of a `utilization-filter`. */
const utilizationParameters = z.strictObject({
  /** Limits that an endpoint must keep, all of them. */
  conditions: z.array(condition).min(1),
  fallbackOnEmpty,
  inFlightLoadProducerName,
});

/** A filter by limits on load. */
export const utilizationFilter = definePolicy({
  type: "utilization-filter",
  about: "Drops the endpoints that are above a limit; those of which a value is unknown too, unless none is left.",
  parameters: utilizationParameters,
  needs: ({ conditions }) => [...new Set(conditions.map(({ metric }) => utilizationMetrics[metric]))],
  refs: toProducerRefs,
  explain: ({ conditions }) =>
    `drops endpoints above ${conditions.map(({ metric, maxValue }) => `${maxValue} ${metric}`).join(" or ")}`,
  filter: createUtilizationFilter,
});

const defaultProducer = "core-metrics-extractor";

/** `parameters:` of an `endpoint-attribute-filter`. */
const attributeParameters = z.strictObject({
  /**
   * What is compared: `WaitingQueueSize`, `RunningRequestsSize`, `KVCacheUsagePercent`, `MaxActiveModels`,
   * `CacheBlockSize`, `CacheNumBlocks`, the key of a column, or the `attributeKey` of a custom metric.
   */
  attribute: z
    .string()
    .regex(/^[\p{L}_:][\p{L}\p{N}_:.-]*$/u, "must be letters, digits and any of _:.- behind a letter"),
  /** Who reads it; empty = anybody. */
  producer: z.string().default(defaultProducer),
  /** Whether an endpoint passes of which the value is unknown: `Pass` or `Fail`. */
  onMissing: z.enum(["Pass", "Fail"]).default("Pass"),
  fallbackOnEmpty,
  /** How values are judged. */
  algorithm: z.strictObject({
    /** The one there is: a comparison with a fixed value. */
    type: z.literal("threshold"),
    /** The comparison. */
    threshold: z.strictObject({
      /** How the endpoint's value must compare with `value` to pass. */
      operator: z.enum(Object.keys(thresholdOperators) as (keyof typeof thresholdOperators)[]),
      /** What it is compared with. */
      value: z.number(),
    }),
  }),
});

/** A filter by one measured value. */
export const attributeFilter = definePolicy({
  type: "endpoint-attribute-filter",
  about: "Keeps the endpoints whose value of one attribute compares as asked with a threshold.",
  parameters: attributeParameters,
  needs: ({ attribute }) => [toAttributeKey(attribute)],
  refs: ({ producer }) =>
    producer === "" || producer === defaultProducer ? [] : [{ path: ["producer"], name: producer, role: "data" }],
  explain: ({ attribute, algorithm: { threshold }, onMissing }) =>
    `keeps the endpoints with ${attribute} ${threshold.operator} ${threshold.value}` +
    (onMissing === "Pass" ? ", and those where it is unknown" : ""),
  filter: (name, { attribute, onMissing, algorithm: { threshold }, fallbackOnEmpty }) =>
    createAttributeFilter(name, {
      key: toAttributeKey(attribute),
      ...threshold,
      passesMissing: onMissing === "Pass",
      fallbackOnEmpty,
    }),
});
