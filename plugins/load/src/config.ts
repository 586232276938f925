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
});
