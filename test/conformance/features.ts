/** What a case may ask for that cannot be shown here, by name, with the general reason. */
export const features = {
  "in words": "a sentence that no named property checks",
  "unknown fields": "fields that the adapter does not know",
  "unknown group": "a group without an adapter",
  "plugin types": "a plugin type that this host does not have",
  "configuration form": "an apiVersion or field that this host does not read",
  "upstream internals": "a step inside the reference EPP that has no counterpart here",
  "rewrite rules": "rules that rewrite models are not built yet; a request's header is",
  parsers: "parsers chosen by path, and the checks they make of a body's values, are not built yet",
  "metrics of the reference": "metrics under the reference EPP's names are not built yet",
  tracing: "trace spans are not built yet",
  "metadata of plugins": "plugins cannot add dynamic metadata",
  "older reference": "what the reference did before it was renamed",
  "flow control": "queues and their outcomes are refused for now",
  eviction: "eviction of requests in flight is refused for now",
  "request-control plugins": "screeners, admitters and plugins around the request are not built yet",
  "agent identity": "the agent-identity plugin is not built yet",
  "conditional decode": "Prefer: if-available is not built yet",
  kubernetes: "pools, pods and other objects of Kubernetes are not built yet",
  "leader election": "replicas do not elect a leader yet",
  "app protocol": "pools do not name their model servers' protocol yet",
  "cluster test": "needs a cluster and its gateway",
} as const;

/** Name of a feature. */
export type FeatureName = keyof typeof features;
