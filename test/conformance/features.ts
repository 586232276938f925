/** What a case may ask for that cannot be shown here, by name, with the general reason. */
export const features = {
  "in words": "a sentence that no named property checks",
  "unknown fields": "fields that the adapter does not know",
  "unknown group": "a group without an adapter",
  "plugin types":
    "refused for now, or unknown: multi-cluster, DCGM, topology from nodes, burst and P2P producers, vLLM-gRPC and Vertex parsers, flow control beyond admission, the precise prefix cache, encoder-cache affinity",
  "configuration form": "an apiVersion or field that this host does not read",
  "upstream internals": "a step inside the reference EPP that has no counterpart here",
  "metrics of the reference": "a metric of the reference EPP that is not kept",
  tracing: "trace spans are not built yet",
  "metadata of plugins": "plugins cannot add dynamic metadata to the answer of a request",
  "older reference": "what the reference did before it was renamed",
  "flow control": "refused for now: flow control beyond admission (fairness, ordering and usage-limit policies)",
  eviction: "refused for now: in-flight eviction",
  kubernetes: "refused for now: Kubernetes objects (pools, CRDs, leader election, notification sources)",
  "cluster test": "needs a cluster and its gateway",
} as const;

/** Name of a feature. */
export type FeatureName = keyof typeof features;
