import { bounds } from "./bounds.ts";
import { alias, type FamilySpec } from "./family-spec.ts";

/** Labels of a request: what the client named, what is asked for, whose it is, and its objective's priority. */
const requestLabels = ["model_name", "target_model_name", "fairness_id", "priority"] as const;
const models = ["model_name", "target_model_name"] as const;
const labels = requestLabels;
const objective = (name: string, kept: readonly string[] = models) => [alias(`inference_objective_${name}`, kept)];

/** What is told of requests and responses; each labelled by the request. */
export const requestFamilies = {
  total: {
    name: "request_total",
    kind: "counter",
    labels,
    about: "Requests that were sent to an endpoint.",
    aliases: objective("request_total", [...models, "priority"]),
  },
  errors: {
    name: "request_error_total",
    kind: "counter",
    labels: [...labels, "error_code"],
    about:
      "Requests that were refused, by the code of the refusal, and `ModelServerError`: the response has a status of 400 or more, or broke off.",
    aliases: objective("request_error_total", [...models, "error_code"]),
  },
  duration: {
    name: "request_duration_seconds",
    kind: "histogram",
    labels,
    about: "Request received to end of response. Only of responses that came to their end.",
    bounds: bounds.request,
    aliases: objective("request_duration_seconds"),
  },
  requestBytes: {
    name: "request_size_bytes",
    kind: "histogram",
    labels,
    about: "Body of a request that was sent; 0 where the gateway showed none.",
    bounds: bounds.requestBytes,
    aliases: objective("request_sizes"),
  },
  responseBytes: {
    name: "response_size_bytes",
    kind: "histogram",
    labels,
    about: "Body of a response that came by whole.",
    bounds: bounds.responseBytes,
    aliases: objective("response_sizes"),
  },
  inputTokens: {
    name: "request_input_tokens",
    kind: "histogram",
    labels,
    about: "Prompt tokens, as the model server counted them. Nothing where it does not tell.",
    bounds: bounds.inputTokens,
    aliases: objective("input_tokens"),
  },
  outputTokens: {
    name: "request_output_tokens",
    kind: "histogram",
    labels,
    about: "Output tokens, as the model server counted them. Nothing where it does not tell.",
    bounds: bounds.outputTokens,
    aliases: objective("output_tokens"),
  },
  cachedTokens: {
    name: "request_cached_tokens",
    kind: "histogram",
    labels,
    about: "Prompt tokens found in the model server's cache. Nothing where it tells of none.",
    bounds: bounds.inputTokens,
    aliases: objective("prompt_cached_tokens"),
  },
  running: {
    name: "request_running",
    kind: "gauge",
    labels,
    about: "Requests sent and not yet done, those that name no model too.",
    aliases: objective("running_requests", ["model_name"]),
  },
  ntpot: {
    name: "request_ntpot_seconds",
    kind: "histogram",
    labels,
    about: "Duration of the request ÷ output tokens.",
    bounds: bounds.ntpot,
    aliases: objective("normalized_time_per_output_token_seconds"),
  },
  ttft: {
    name: "request_ttft_seconds",
    kind: "histogram",
    labels: [...labels, "streaming"],
    about:
      "Request received to first piece of the response's body, of responses that break off too; `streaming`: server-sent events were asked for, or came.",
    bounds: bounds.ttft,
    aliases: [],
  },
  tpot: {
    name: "request_streaming_tpot_seconds",
    kind: "histogram",
    labels,
    about: "(Duration − TTFT) ÷ (output tokens − 1), of streamed responses with two tokens or more.",
    bounds: bounds.tpot,
    aliases: [],
  },
  itl: {
    name: "request_streaming_itl_seconds",
    kind: "histogram",
    labels,
    about: "Time between two pieces of a streamed response's body.",
    bounds: bounds.itl,
    aliases: [],
  },
} as const satisfies Record<string, FamilySpec>;
