/** A plugin type of the reference EPP that is not built here. */
export interface RefusedType {
  readonly type: string;
  /** Why it is not there, as the rest of a sentence about it. */
  readonly reason: string;
  /** What to write instead. */
  readonly remedy: string;
}

/** What several types have in common. */
type Family = Omit<RefusedType, "type"> & { readonly types: string };

const families: readonly Family[] = [
  {
    reason: "a pool of other clusters is no endpoint here",
    remedy: "remove it and what refers to it; run one Outrider in each cluster",
    types: `multicluster-file-discovery multicluster-metrics-data-source multicluster-metrics-extractor
      multicluster-approx-prefix-cache-producer multicluster-session-affinity-filter multicluster-prefix-cache-scorer
      multicluster-queue-scorer multicluster-kv-cache-utilization-scorer`,
  },
  {
    reason: "metrics of GPUs are not scraped",
    remedy: "remove it and what refers to it; kv-cache-utilization-scorer tells how full a model server is",
    types: "dcgm-data-source dcgm-extractor",
  },
  {
    reason: "objects of Kubernetes are not watched",
    remedy: "remove it and what refers to it; file-discovery or --endpoints-file names endpoints",
    types: "k8s-notification-source",
  },
  {
    reason: "requests are never held back to be placed together",
    remedy: "write type: approx-prefix-cache-producer",
    types: "burst-prefix-cache-producer",
  },
  {
    reason: "model servers are not told where to fetch KV blocks",
    remedy: "remove it; prefix-cache-scorer prefers endpoints that have them",
    types: "p2p-source-producer",
  },
  {
    reason: "events of KV caches are not read",
    remedy: "write type: approx-prefix-cache-producer, which learns from what is sent",
    types: "precise-prefix-cache-producer",
  },
  {
    reason: "events of KV caches are not read",
    remedy: "write type: prefix-cache-scorer, with approx-prefix-cache-producer",
    types: "precise-prefix-cache-scorer",
  },
  {
    reason: "caches of encoders are not modelled",
    remedy: "remove it and what refers to it; always-disagg-multimodal-decider tells images from text",
    types: "mm-embeddings-cache-producer mm-embeddings-cache-scorer",
  },
  {
    reason: "requests over gRPC are not read",
    remedy: "write type: passthrough-parser, which sends them on unread",
    types: "vllmgrpc-parser vertexai-parser",
  },
  {
    reason: "requests are never queued",
    remedy: "remove it and what refers to it; requests of negative priority are refused while endpoints are full",
    types: `global-strict-fairness-policy round-robin-fairness-policy program-aware-fairness fcfs-ordering-policy
      edf-ordering-policy slo-deadline-ordering-policy`,
  },
  {
    reason: "there is no limit by priority",
    remedy: "remove it and what refers to it; give a priority below 0 to what may be refused, under objectives:",
    types: "static-usage-limit-policy priority-holdback-policy soft-reflective-ceiling-policy",
  },
  {
    reason: "requests under way are never taken back",
    remedy: "remove it and what refers to it",
    types: "sheddable-eviction-filter priority-then-time-eviction-order-policy",
  },
];

/** Every type of the reference EPP that is refused, with what to write instead. */
export const refusedTypes: readonly RefusedType[] = families.flatMap(({ types, ...family }) =>
  types.split(/\s+/).map((type) => ({ type, ...family })),
);

const byType: ReadonlyMap<string, RefusedType> = new Map(refusedTypes.map((refused) => [refused.type, refused]));

/** Why a type is refused and what to write instead; `undefined` where it is no type of the reference EPP, or built. */
export function findRefusedType(type: string): RefusedType | undefined {
  return byType.get(type);
}
