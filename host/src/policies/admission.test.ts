import { describe, expect, it } from "vitest";
import { admissionTypes } from "./admission.ts";
import { completed, faultsOf, policyOf } from "./fixtures/parameters.ts";
import { rolesOf } from "./policy-type.ts";

const rollout = {
  scope: { labelSelector: "disaggregatedset.x-k8s.io/name=my-set" },
  revisionGating: { mode: "sum", requireRoles: { values: ["prefill", "decode"] } },
};
const selector = { name: "revision", headerName: "X-Revision", labelKey: "a/revision", mode: "strict" };

describe("parameters of admission", () => {
  const screener = "disaggregatedset-rollout-screener";
  const wrong: readonly { type: string; parameters: unknown; at: string }[] = [
    { type: "utilization-detector", parameters: { queueDepthThreshold: 0 }, at: "queueDepthThreshold" },
    { type: "utilization-detector", parameters: { queueDepthThreshold: 1.5 }, at: "queueDepthThreshold" },
    { type: "utilization-detector", parameters: { kvCacheUtilThreshold: 0 }, at: "kvCacheUtilThreshold" },
    { type: "utilization-detector", parameters: { kvCacheUtilThreshold: 1.1 }, at: "kvCacheUtilThreshold" },
    { type: "utilization-detector", parameters: { metricsStalenessThreshold: "0" }, at: "metricsStalenessThreshold" },
    { type: "utilization-detector", parameters: { metricsStalenessThreshold: "200" }, at: "metricsStalenessThreshold" },
    { type: "utilization-detector", parameters: { metricsStalenessThreshold: 200 }, at: "metricsStalenessThreshold" },
    { type: "utilization-detector", parameters: { headroom: -0.1 }, at: "headroom" },
    { type: "utilization-detector", parameters: { queueThreshold: 5 }, at: "" },
    { type: "concurrency-detector", parameters: { concurrencyMode: "request" }, at: "concurrencyMode" },
    { type: "concurrency-detector", parameters: { maxConcurrency: 0 }, at: "maxConcurrency" },
    { type: "concurrency-detector", parameters: { maxTokenConcurrency: -1 }, at: "maxTokenConcurrency" },
    { type: "concurrency-detector", parameters: { headroom: Number.NaN }, at: "headroom" },
    { type: "probabilistic-admitter", parameters: { queueDepthThreshold: 0 }, at: "queueDepthThreshold" },
    { type: "probabilistic-admitter", parameters: { kvCacheUtilThreshold: 0 }, at: "kvCacheUtilThreshold" },
    { type: "probabilistic-admitter", parameters: { power: 0 }, at: "power" },
    { type: "probabilistic-admitter", parameters: { k: 0 }, at: "k" },
    { type: screener, parameters: { revisionGating: rollout.revisionGating }, at: "scope" },
    { type: screener, parameters: { scope: rollout.scope }, at: "revisionGating" },
    { type: screener, parameters: { ...rollout, scope: { labelSelector: " " } }, at: "scope.labelSelector" },
    { type: screener, parameters: { ...rollout, scope: { labelSelector: "a in b" } }, at: "scope.labelSelector" },
    { type: screener, parameters: { ...rollout, revisionGating: { mode: "max" } }, at: "revisionGating.mode" },
    {
      type: screener,
      parameters: { ...rollout, revisionGating: { mode: "sum" } },
      at: "revisionGating.requireRoles.values",
    },
    {
      type: screener,
      parameters: { ...rollout, revisionGating: { mode: "sum", requireRoles: { values: ["a", "a"] } } },
      at: "revisionGating.requireRoles.values",
    },
    {
      type: screener,
      parameters: { ...rollout, headerSelectors: [{ ...selector, mode: "soft" }] },
      at: "headerSelectors.0.mode",
    },
    {
      type: screener,
      parameters: { ...rollout, headerSelectors: [{ ...selector, headerName: "a b" }] },
      at: "headerSelectors.0.headerName",
    },
    {
      type: screener,
      parameters: { ...rollout, headerSelectors: [{ ...selector, labelKey: "a b" }] },
      at: "headerSelectors.0.labelKey",
    },
    {
      type: screener,
      parameters: { ...rollout, headerSelectors: [selector, selector] },
      at: "headerSelectors.1.name",
    },
  ];
  for (const { type, parameters, at } of wrong) {
    it(`of ${type} are refused: ${JSON.stringify(parameters)}`, () => {
      const faults = faultsOf(type, parameters);
      expect(faults.map((fault) => fault.slice(0, fault.indexOf(": ")))).toEqual([at]);
    });
  }

  const defaults: Readonly<Record<string, object>> = {
    "utilization-detector": {
      queueDepthThreshold: 5,
      kvCacheUtilThreshold: 0.8,
      metricsStalenessThreshold: 200,
      headroom: 0,
    },
    "concurrency-detector": {
      concurrencyMode: "requests",
      maxConcurrency: 100,
      maxTokenConcurrency: 1_000_000,
      headroom: 0,
    },
    "probabilistic-admitter": { queueDepthThreshold: 5, kvCacheUtilThreshold: 0.8, power: 5, k: 300 },
  };
  for (const [type, want] of Object.entries(defaults)) {
    it(`of ${type} have the reference EPP's defaults`, () => expect(completed(type, {})).toMatchObject(want));
  }

  it("of a screener keep header names in lower case and the usual labels", () => {
    expect(completed(screener, { ...rollout, headerSelectors: [selector] })).toMatchObject({
      scope: { labelSelector: [{ key: "disaggregatedset.x-k8s.io/name", operator: "In", values: ["my-set"] }] },
      revisionGating: {
        revisionLabelKey: "disaggregatedset.x-k8s.io/revision",
        roleLabelKey: "disaggregatedset.x-k8s.io/role",
      },
      headerSelectors: [{ headerName: "x-revision" }],
    });
  });

  it("of a detector may hardly be meant: a headroom in percent", () => {
    const odd = (headroom: number) =>
      policyOf("utilization-detector").oddities?.(completed("utilization-detector", { headroom }));
    expect(odd(20)).toHaveLength(1);
    expect(odd(1)).toEqual([]);
  });
});

describe("every type of admission", () => {
  const roles: Readonly<Record<string, readonly string[]>> = {
    "utilization-detector": ["filter", "detector"],
    "concurrency-detector": ["filter", "detector"],
    "probabilistic-admitter": ["admitter"],
    "latency-slo-admitter": ["admitter"],
    "disaggregatedset-rollout-screener": ["screener"],
  };
  for (const policy of admissionTypes) {
    it(`such as ${policy.type} is made under its name in each of its roles, and tells what it does`, () => {
      const given = completed(policy.type, policy.type.endsWith("screener") ? rollout : {});
      expect(rolesOf(policy)).toEqual(roles[policy.type]);
      for (const role of ["filter", "detector", "admitter", "screener"] as const) {
        expect(policy[role]?.("mine", given) ?? { name: "mine", type: policy.type }).toMatchObject({
          name: "mine",
          type: policy.type,
        });
      }
      expect(policy.explain?.(given, [])).not.toContain("undefined");
    });
  }
});
