import { z } from "zod";

/** A duration as the reference EPP writes it: a number and its unit, such as `5m`. */
const duration = z
  .string()
  .regex(/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/, "must be a duration, such as 30s or 5m")
  .refine((text) => toMs(text) > 0, "must be longer than nothing");

/** Whole ms of a duration that the schema accepts. */
export function toMs(text: string): number {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  return Math.round([...parts].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as "ms"], 0));
}

/** `parameters:` of a `predicted-latency-producer`, as in the reference EPP. */
export const predictedLatencyConfig = z.strictObject({
  /** Longest time that a request is remembered whose end is not reported. */
  contextTTL: duration.default("5m"),
  /** Answers that must have been seen before anything is predicted. */
  minSamples: z.int().min(1).default(20),
  /** Accepted, without effect: the targets of a request are compared with what is predicted as they are. */
  sloBufferFactor: z.number().gt(0).default(1),
  /** Accepted, without effect: each request says itself whether its answer is streamed. */
  streamingMode: z.boolean().default(false),
  /** Accepted, without effect: every endpoint is learned by itself, whatever its role. */
  endpointRoleLabel: z.string().default(""),
  /** Accepted, without effect: predictions are made for every request. */
  predictInProduce: z.boolean().default(true),
  /** Accepted, without effect: caches of encoders are not known. */
  useEncoderCacheFeatures: z.boolean().default(false),
  /** Accepted, without effect: the gap between tokens is learned of whole answers. */
  samplingMean: z.number().min(0).optional(),
  /** Accepted, without effect, as in the reference EPP. */
  maxDecodeTokenSamplesForPrediction: z.int().min(0).optional(),
  /** Name of a producer of prefix matches; one writes for all, so that this only says what is meant. */
  prefixMatchInfoProducerName: z.string().default(""),
  /** Name of an `inflight-load-producer`; the host keeps one count, whatever the name. */
  inFlightLoadProducerName: z.string().default(""),
  /** Name of a producer of encoder caches; without effect. */
  encoderCacheMatchInfoProducerName: z.string().default(""),
});

const weight = z.number().min(0);

/** `parameters:` of a `latency-scorer`, as in the reference EPP. */
export const latencyScorerConfig = z
  .strictObject({
    /** Share of TTFT in a score, relative to that of TPOT. */
    ttftWeight: weight.default(0.8),
    /** Share of TPOT in a score. */
    tpotWeight: weight.default(0.2),
    /** Of endpoints that meet the targets: `least` prefers the one with least to spare, `most` the one with most. */
    headroomSelectionStrategy: z.enum(["least", "most"]).default("least"),
    /** Share of the free KV cache in the score where nothing is predicted. */
    compositeKVWeight: weight.default(1),
    /** Share of the queue in that score. */
    compositeQueueWeight: weight.default(1),
    /** Share of the cached prefix in that score. */
    compositePrefixWeight: weight.default(1),
  })
  .refine(({ ttftWeight, tpotWeight }) => ttftWeight + tpotWeight > 0, {
    path: ["tpotWeight"],
    error: "must be above 0 where ttftWeight is 0",
  });

/** `parameters:` of an `slo` scorer: none. */
export const sloConfig = z.strictObject({});
