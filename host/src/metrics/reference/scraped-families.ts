import { alias, type FamilySpec } from "./family-spec.ts";

const pool = ["name"] as const;
const ofPool = (name: string) => [alias(`inference_pool_${name}`, pool)];
const older = (name: string, kept: readonly string[]) => [alias(`llm_d_inference_scheduler_${name}`, kept)];
const unknown = "Endpoints of which it is unknown do not count; nothing where it is unknown of all.";
const inflight = ["endpoint_name", "namespace", "producer_name"] as const;
const extraction = ["source_type", "extractor_type"] as const;
const plugin = ["plugin_name", "plugin_type"] as const;

/** What is read when metrics are scraped. */
export const scrapedFamilies = {
  averageKvCache: {
    name: "average_kv_cache_utilization",
    kind: "gauge",
    labels: pool,
    about: `Mean share of the KV cache in use over the ready endpoints. ${unknown}`,
    aliases: ofPool("average_kv_cache_utilization"),
  },
  averageQueue: {
    name: "average_queue_size",
    kind: "gauge",
    labels: pool,
    about: "The same of waiting requests.",
    aliases: ofPool("average_queue_size"),
  },
  averageRunning: {
    name: "average_running_requests",
    kind: "gauge",
    labels: pool,
    about: "The same of running requests.",
    aliases: ofPool("average_running_requests"),
  },
  deviationKvCache: {
    name: "std_dev_kv_cache_utilization",
    kind: "gauge",
    labels: pool,
    about: "Standard deviation of the share of the KV cache in use, of the endpoints as a whole population.",
    aliases: [],
  },
  deviationQueue: {
    name: "std_dev_queue_size",
    kind: "gauge",
    labels: pool,
    about: "The same of waiting requests.",
    aliases: [],
  },
  deviationRunning: {
    name: "std_dev_running_requests",
    kind: "gauge",
    labels: pool,
    about: "The same of running requests.",
    aliases: [],
  },
  ready: {
    name: "ready_endpoints",
    kind: "gauge",
    labels: pool,
    about: "Endpoints that take requests.",
    aliases: ofPool("ready_pods"),
  },
  endpointQueue: {
    name: "per_endpoint_queue_size",
    kind: "gauge",
    labels: ["name", "model_server_endpoint"],
    about: "Waiting requests of each endpoint that takes requests, where they are known.",
    aliases: [
      {
        name: "inference_pool_per_pod_queue_size",
        labels: { name: "name", model_server_pod: "model_server_endpoint" },
      },
    ],
  },
  saturation: {
    name: "flow_control_pool_saturation",
    kind: "gauge",
    labels: ["inference_pool", "stage"],
    about:
      "How full the saturation detector finds the pool, 1 = full: endpoints that do `prefill`, those that do `decode`, and `effective`, the fuller of the two. A stage that no endpoint does is at 0.",
    aliases: [alias("inference_extension_flow_control_pool_saturation", ["inference_pool", "stage"])],
  },
  stale: {
    name: "flow_control_stale_endpoints",
    kind: "gauge",
    labels: ["detector"],
    about: "Endpoints whose metrics are missing or too old for the saturation detector; nothing where it reads none.",
    aliases: [],
  },
  inflightRequests: {
    name: "inflight_requests",
    kind: "gauge",
    labels: inflight,
    about: "Requests that this host has sent to each endpoint and that are not done; not by tenant and priority.",
    aliases: [],
  },
  inflightTokens: {
    name: "inflight_tokens",
    kind: "gauge",
    labels: inflight,
    about: "Prompt tokens of such requests whose first token is due.",
    aliases: [],
  },
  pollErrors: {
    name: "datalayer_poll_errors_total",
    kind: "counter",
    labels: ["source_type"],
    about: "Pages of endpoints that did not come.",
    aliases: older("datalayer_poll_errors_total", ["source_type"]),
  },
  extractErrors: {
    name: "datalayer_extract_errors_total",
    kind: "counter",
    labels: extraction,
    about: "Pages of endpoints that came and could not be read, or not whole.",
    aliases: older("datalayer_extract_errors_total", extraction),
  },
  strictMisses: {
    name: "disaggregatedset_strict_header_no_match_total",
    kind: "counter",
    labels: [...plugin, "selector"],
    about: "Requests whose strict header no endpoint fits, by the selector of a `disaggregatedset-rollout-screener`.",
    aliases: [],
  },
  revisionShares: {
    name: "disaggregatedset_revision_gating_share",
    kind: "gauge",
    labels: [...plugin, "mode", "revision"],
    about: "Share of requests that each revision gets by a `disaggregatedset-rollout-screener`.",
    aliases: [],
  },
  info: {
    name: "info",
    kind: "gauge",
    labels: ["commit", "build_ref"],
    about: "Always 1; `build_ref` is Outrider's version, and `commit` is empty.",
    aliases: [alias("inference_extension_info", ["commit", "build_ref"])],
  },
} as const satisfies Record<string, FamilySpec>;
