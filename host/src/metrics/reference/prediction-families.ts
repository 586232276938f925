import { bounds } from "./bounds.ts";
import { alias, type FamilySpec } from "./family-spec.ts";

const models = ["model_name", "target_model_name"] as const;
const labels = ["plugin_name", "plugin_type", ...models] as const;
const objective = (name: string, kept: readonly string[] = models) => [alias(`inference_objective_${name}`, kept)];

/** What is told of predicted latencies, by the producer that predicts; of answers that came to their end. */
export const predictionFamilies = {
  ttft: {
    name: "request_predicted_ttft_seconds",
    kind: "histogram",
    labels,
    about: "TTFT predicted for the endpoint that the request was sent to.",
    bounds: bounds.request,
    aliases: objective("request_predicted_ttft_seconds"),
  },
  tpot: {
    name: "request_predicted_tpot_seconds",
    kind: "histogram",
    labels,
    about: "TPOT predicted for it, of streamed responses with two tokens or more.",
    bounds: bounds.predictedTpot,
    aliases: objective("request_predicted_tpot_seconds"),
  },
  ttftCall: {
    name: "request_ttft_prediction_duration_seconds",
    kind: "histogram",
    labels,
    about: "Call of the producer, to its answer, where it predicted TTFT; for all candidates at once.",
    bounds: bounds.prediction,
    aliases: objective("request_ttft_prediction_duration_seconds"),
  },
  tpotCall: {
    name: "request_tpot_prediction_duration_seconds",
    kind: "histogram",
    labels,
    about: "The same call, where it predicted TPOT.",
    bounds: bounds.prediction,
    aliases: objective("request_tpot_prediction_duration_seconds"),
  },
  violations: {
    name: "request_slo_violation_total",
    kind: "counter",
    labels: [...labels, "type"],
    about: "Requests that took longer than the target in their headers; `type`: `ttft` or `tpot`.",
    aliases: objective("request_slo_violation_total", [...models, "type"]),
  },
  latest: {
    name: "inference_request_metric",
    kind: "gauge",
    labels: [...labels, "type"],
    about:
      "The latest of each: `ttft`, `predicted_ttft`, `ttft_prediction_duration` in seconds, `ttft_slo_violation` 1 or 0, and the same four of TPOT.",
    aliases: objective("inference_request_metric", [...models, "type"]),
  },
} as const satisfies Record<string, FamilySpec>;
