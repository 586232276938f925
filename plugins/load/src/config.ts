import { z } from "zod";

/** `parameters:` of a `queue-scorer`: none. */
export const queueConfig = z.strictObject({});

/** `parameters:` of a `running-requests-size-scorer`: none. */
export const runningRequestsConfig = z.strictObject({});

/** `parameters:` of a `load-aware-scorer`. */
export const loadAwareConfig = z.strictObject({
  /** Waiting requests from which an endpoint scores 0. */
  threshold: z.int().min(1).default(128),
});

/** `parameters:` of a `kv-cache-utilization-scorer`: none. */
export const kvCacheUtilizationConfig = z.strictObject({});

/** `parameters:` of an `active-request-scorer`. */
export const activeRequestConfig = z.strictObject({
  /** Requests in flight up to which an endpoint counts as idle and scores 1. */
  idleThreshold: z.int().min(0).default(0),
  /** What a busy endpoint would score with nothing in flight; below 1 it keeps idle ones ahead. */
  maxBusyScore: z.number().min(0).max(1).default(1),
  /** Name of an `inflight-load-producer`; the host keeps one count of requests, whatever the name. */
  inFlightLoadProducerName: z.string().default(""),
});

/** `parameters:` of a `token-load-scorer`. */
export const tokenLoadConfig = z.strictObject({
  /** Tokens from which an endpoint scores 0. */
  queueThresholdTokens: z.number().gt(0).default(4_194_304),
  /** Name of the producer; one writes a value for all, so that this only says what is meant. */
  inFlightLoadProducerName: z.string().default(""),
});

/** `parameters:` of an `inflight-load-producer`. */
export const inflightLoadConfig = z.strictObject({
  /** Whether the output expected of requests counts among the tokens in flight. */
  addEstimatedOutputTokens: z.boolean().default(false),
  /** Output tokens expected for each prompt token. */
  outputRatio: z.number().min(0).default(1.5),
  /** Most output tokens expected of a request; default no limit but the client's. */
  maxEstimatedOutputTokens: z.int().min(0).optional(),
  /** Name of the producer of prefix matches; one writes a value for all, so that this only says what is meant. */
  prefixMatchInfoProducerName: z.string().default(""),
  /** Accepted; replicas share nothing. */
  syncCrossReplicaState: z.boolean().default(true),
});

/** `parameters:` of a `load` scorer. */
export const loadConfig = z.strictObject({
  /** Seconds more than the best candidate's after which a candidate scores half. */
  halfScoreSeconds: z.number().gt(0).default(0.5),
  /** Tokens per second that an endpoint is believed to compute while no candidate's throughput is known. */
  defaultTokensPerSecond: z.number().gt(0).default(2_000),
  /** Tokens that a request is believed to take while none is done. */
  defaultRequestTokens: z.number().gt(0).default(1_024),
});
