import { attributeName } from "@outrider/plugin-sdk";
import { z } from "zod";

/** The range that values are measured by. */
const normalization = z
  .strictObject({
    /** A range that does not move. */
    fixedRange: z
      .strictObject({
        /** Value at one end; what is below it counts as it. */
        min: z.number(),
        /** Value at the other end; what is above it counts as it. */
        max: z.number(),
      })
      .refine(({ min, max }) => min < max, { path: ["max"], error: "must be above min" })
      .optional(),
    /** The least and the largest value among the candidates. */
    adaptiveRange: z.strictObject({}).optional(),
  })
  .refine(({ fixedRange, adaptiveRange }) => (fixedRange === undefined) !== (adaptiveRange === undefined), {
    error: "must be one of fixedRange and adaptiveRange",
  });

/** `parameters:` of an `endpoint-attribute-scorer`. */
export const endpointAttributeConfig = z.strictObject({
  /**
   * What is rated: `WaitingQueueSize`, `RunningRequestsSize`, `KVCacheUsagePercent`, `MaxActiveModels`,
   * `CacheBlockSize`, `CacheNumBlocks`, the key of a column, or the `attributeKey` of a custom metric.
   */
  attributeKey: z.string().regex(attributeName, "must be letters, digits and any of _:.- behind a letter"),
  /** Who reads it; accepted, a column has one reader. */
  producer: z.string().default("core-metrics-extractor"),
  /** How a value becomes a score. */
  algorithm: z.strictObject({
    /** Which end of the range scores 1: `linear_lower_is_better` or `linear_higher_is_better`. */
    type: z.enum(["linear_lower_is_better", "linear_higher_is_better"]),
    /** The range. */
    normalization,
  }),
});
