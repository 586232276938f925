/** What to write in place of a plugin type of the reference EPP that this host has under another name, or always. */
const replacements: Readonly<Record<string, string>> = {
  "prefix-cache-scorer": "write type: prefix-cache, which keeps its own index",
  "precise-prefix-cache-scorer": "write type: prefix-cache, which keeps its own index",
  "session-affinity-scorer": "write type: session-affinity",
  "approx-prefix-cache-producer": "remove it: type prefix-cache keeps its own index",
  "inflight-load-producer": "remove it: requests in flight are always counted",
  "token-producer": "remove it: prompt tokens are estimated",
  tokenizer: "remove it: prompt tokens are estimated",
  "metrics-data-source": "remove it: every endpoint's /metrics is scraped",
  "core-metrics-extractor": "remove it: vLLM's metrics are always read",
  "openai-parser": "remove it: OpenAI's request form is always read",
  "file-discovery": "remove it and pass --endpoints-file",
};

/** The other plugin types of the reference EPP. */
const unavailable: ReadonlySet<string> = new Set(
  `
  anthropic-parser vllmhttp-parser sglanghttp-parser vllmgrpc-parser vertexai-parser passthrough-parser
  models-data-source models-data-extractor dcgm-data-source dcgm-extractor topology-extractor k8s-notification-source
  endpoint-notification-source multicluster-file-discovery multicluster-metrics-data-source
  multicluster-metrics-extractor multicluster-approx-prefix-cache-producer precise-prefix-cache-producer
  burst-prefix-cache-producer predicted-latency-producer session-id-producer mm-embeddings-cache-producer
  p2p-source-producer decode-filter prefill-filter encode-filter label-selector-filter by-label-selector by-label
  utilization-filter endpoint-attribute-filter session-affinity-filter topology-affinity-filter
  multicluster-session-affinity-filter prefix-cache-affinity-filter slo-headroom-tier-filter context-length-aware
  utilization-detector concurrency-detector header-based-testing-filter queue-scorer kv-cache-utilization-scorer
  active-request-scorer running-requests-size-scorer load-aware-scorer token-load-scorer lora-affinity-scorer
  multicluster-prefix-cache-scorer no-hit-lru-scorer header-label-affinity-scorer endpoint-attribute-scorer
  mm-embeddings-cache-scorer topology-affinity-scorer latency-scorer multicluster-queue-scorer
  multicluster-kv-cache-utilization-scorer global-strict-fairness-policy round-robin-fairness-policy
  program-aware-fairness fcfs-ordering-policy edf-ordering-policy slo-deadline-ordering-policy
  static-usage-limit-policy priority-holdback-policy soft-reflective-ceiling-policy sheddable-eviction-filter
  priority-then-time-eviction-order-policy latency-slo-admitter probabilistic-admitter disagg-profile-handler
  prefix-based-pd-decider always-disagg-pd-decider always-disagg-multimodal-decider data-parallel-profile-handler
  header-profile-handler pd-profile-handler disagg-headers-handler prefill-header-handler agent-identity
  request-attribute-reporter disaggregatedset-rollout-screener destination-endpoint-served-verifier
`
    .trim()
    .split(/\s+/),
);

/** What to do about a type of the reference EPP that is not built here; `undefined` where the reference has no such. */
export function adviseReferenceType(type: string): string | undefined {
  if (Object.hasOwn(replacements, type)) return replacements[type];
  return unavailable.has(type) ? "remove it and what refers to it" : undefined;
}

const fields: Readonly<Record<string, string>> = {
  featureGates: "remove it: there are no feature gates",
  requestHandler: "remove it: OpenAI's request form is always read",
  parser: "remove it: OpenAI's request form is always read",
  dataLayer: "remove it: every endpoint's /metrics is scraped; pass --endpoints-file for endpoints of a file",
  flowControl: "remove it: requests are never queued",
  saturationDetector: "remove it: requests are never refused for saturation",
};

/** What to do about a top-level field of the reference EPP's form that has no effect here; `undefined` for others. */
export function adviseReferenceField(name: string): string | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
