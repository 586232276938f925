import { createLatencySloAdmitter } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** Sheds what would come too late. */
export const latencySloAdmitter = definePolicy({
  type: "latency-slo-admitter",
  about:
    "Refuses requests of a priority below 0, with 429, whose TTFT or TPOT target no endpoint is predicted to meet; " +
    "not while one is idle, cold, or not predicted.",
  parameters: z.strictObject({}),
  needs: () => [
    "request.priority",
    "request.slo",
    "data.predicted_ttft_ms",
    "data.predicted_tpot_ms",
    "running_requests",
    "kv_cache_usage",
  ],
  explain: () => "refuses requests of a priority below 0 whose TTFT or TPOT target no endpoint is predicted to meet",
  admitter: createLatencySloAdmitter,
});
