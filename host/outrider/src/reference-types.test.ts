import { findRefusedType, refusedTypes } from "@outrider/host/config/refused-types";
import { collectTypes } from "@outrider/host/config/shown-types";
import { describe, expect, it } from "vitest";
import { plugins } from "./plugins.ts";

/** Every plugin type of the reference EPP. */
const reference = `
  openai-parser anthropic-parser vllmhttp-parser sglanghttp-parser vllmgrpc-parser vertexai-parser passthrough-parser

  metrics-data-source core-metrics-extractor models-data-source models-data-extractor dcgm-data-source dcgm-extractor
  topology-extractor k8s-notification-source endpoint-notification-source file-discovery multicluster-file-discovery
  multicluster-metrics-data-source multicluster-metrics-extractor

  token-producer tokenizer approx-prefix-cache-producer multicluster-approx-prefix-cache-producer
  precise-prefix-cache-producer burst-prefix-cache-producer inflight-load-producer predicted-latency-producer
  session-id-producer mm-embeddings-cache-producer p2p-source-producer

  decode-filter prefill-filter encode-filter label-selector-filter by-label-selector by-label utilization-filter
  endpoint-attribute-filter session-affinity-filter multicluster-session-affinity-filter topology-affinity-filter
  prefix-cache-affinity-filter slo-headroom-tier-filter context-length-aware header-based-testing-filter

  queue-scorer running-requests-size-scorer kv-cache-utilization-scorer load-aware-scorer active-request-scorer
  token-load-scorer lora-affinity-scorer prefix-cache-scorer multicluster-prefix-cache-scorer
  precise-prefix-cache-scorer no-hit-lru-scorer session-affinity-scorer header-label-affinity-scorer
  endpoint-attribute-scorer mm-embeddings-cache-scorer topology-affinity-scorer latency-scorer
  multicluster-queue-scorer multicluster-kv-cache-utilization-scorer

  max-score-picker random-picker weighted-random-picker

  utilization-detector concurrency-detector global-strict-fairness-policy round-robin-fairness-policy
  program-aware-fairness fcfs-ordering-policy edf-ordering-policy slo-deadline-ordering-policy
  static-usage-limit-policy priority-holdback-policy soft-reflective-ceiling-policy sheddable-eviction-filter
  priority-then-time-eviction-order-policy latency-slo-admitter probabilistic-admitter

  single-profile-handler disagg-profile-handler data-parallel-profile-handler header-profile-handler
  pd-profile-handler disagg-headers-handler prefill-header-handler prefix-based-pd-decider always-disagg-pd-decider
  always-disagg-multimodal-decider

  agent-identity request-attribute-reporter disaggregatedset-rollout-screener destination-endpoint-served-verifier
`
  .trim()
  .split(/\s+/);

const built = await collectTypes(plugins, new Map());
const typesOf = (isPlugin: boolean) =>
  built.filter(({ type }) => Object.hasOwn(plugins, type) === isPlugin).map(({ type }) => type);
const kinds = { plugin: typesOf(true), policy: typesOf(false), refused: refusedTypes.map(({ type }) => type) };

describe("the types of the reference EPP", () => {
  it("are 97", () => expect(new Set(reference).size).toBe(97));

  for (const type of reference) {
    it(`has ${type} as a plugin, as a policy or refused, and as one of them alone`, () => {
      const found = Object.entries(kinds).filter(([, types]) => types.includes(type));
      expect(found.map(([kind]) => kind)).toHaveLength(1);
    });
  }

  it("are all that is refused, each once", () => {
    expect(reference).toEqual(expect.arrayContaining(kinds.refused));
    expect(new Set(kinds.refused).size).toBe(kinds.refused.length);
  });

  for (const { type, reason, remedy } of refusedTypes) {
    it(`are refused with what to write instead (${type})`, () => {
      expect(findRefusedType(type)).toMatchObject({ reason, remedy });
      const [, named] = /type: ([\w-]+)/.exec(remedy) ?? [];
      expect([...kinds.plugin, ...kinds.policy, undefined]).toContain(named);
      expect(remedy).toMatch(/^(remove it|write type: )/);
    });
  }
});
