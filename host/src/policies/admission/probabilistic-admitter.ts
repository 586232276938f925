import { createProbabilisticAdmitter } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** `parameters:` of a `probabilistic-admitter`. */
const admitterParameters = z.strictObject({
  /** Waiting requests at which an endpoint is full. */
  queueDepthThreshold: z.int().min(1).default(5),
  /** Share of the KV cache in use at which an endpoint is full. */
  kvCacheUtilThreshold: z.number().gt(0).default(0.8),
  /** How steeply refusals set in. */
  power: z.number().gt(0).default(5),
  /** How early they do: all are refused from a saturation of (1 ÷ k) ^ (1 ÷ power). */
  k: z.number().gt(0).default(300),
});

/** Sheds load bit by bit. */
export const probabilisticAdmitter = definePolicy({
  type: "probabilistic-admitter",
  about: "Refuses requests of a priority below 0, with 429, with a chance that grows with saturation: sat^power · k.",
  parameters: admitterParameters,
  needs: () => ["request.priority", "waiting_requests", "kv_cache_usage"],
  explain: ({ power, k }) =>
    `refuses requests of a priority below 0 with a chance of saturation^${power} · ${k}: all from a saturation of ` +
    `${Math.min(1, (1 / k) ** (1 / power)).toFixed(2)}`,
  admitter: createProbabilisticAdmitter,
});
