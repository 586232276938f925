import { describe, expect, it } from "vitest";
import { filterTypes } from "./filters.ts";
import { completed, faultsOf, policyOf } from "./fixtures/parameters.ts";

const threshold = { type: "threshold", threshold: { operator: "LessThan", value: 1 } };

describe("parameters of filters", () => {
  const wrong: readonly { type: string; parameters: unknown; at: string }[] = [
    { type: "label-selector-filter", parameters: { matchlabels: {} }, at: "" },
    { type: "label-selector-filter", parameters: { matchLabels: { "a b": "c" } }, at: "matchLabels.a b" },
    { type: "label-selector-filter", parameters: { matchLabels: { a: "b c" } }, at: "matchLabels.a" },
    { type: "label-selector-filter", parameters: { matchLabels: { a: 1 } }, at: "matchLabels.a" },
    {
      type: "label-selector-filter",
      parameters: { matchExpressions: [{ key: "a", operator: "Like", values: ["b"] }] },
      at: "matchExpressions.0.operator",
    },
    {
      type: "by-label-selector",
      parameters: { matchExpressions: [{ key: "a", operator: "In" }] },
      at: "matchExpressions.0",
    },
    {
      type: "label-selector-filter",
      parameters: { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] },
      at: "matchExpressions.0",
    },
    { type: "by-label", parameters: {}, at: "label" },
    { type: "by-label", parameters: { label: "", validValues: ["a"] }, at: "label" },
    { type: "by-label", parameters: { label: "a" }, at: "validValues" },
    { type: "utilization-filter", parameters: {}, at: "conditions" },
    { type: "utilization-filter", parameters: { conditions: [] }, at: "conditions" },
    {
      type: "utilization-filter",
      parameters: { conditions: [{ metric: "queue", maxValue: 1 }] },
      at: "conditions.0.metric",
    },
    {
      type: "utilization-filter",
      parameters: { conditions: [{ metric: "waiting-queue" }] },
      at: "conditions.0.maxValue",
    },
    {
      type: "utilization-filter",
      parameters: { conditions: [{ metric: "waiting-queue", maxValue: -1 }] },
      at: "conditions.0.maxValue",
    },
    {
      type: "utilization-filter",
      parameters: { conditions: [{ metric: "waiting-queue", maxValue: Number.NaN }] },
      at: "conditions.0.maxValue",
    },
    {
      type: "utilization-filter",
      parameters: { conditions: [{ metric: "kv-cache-utilization", maxValue: 80 }] },
      at: "conditions.0.maxValue",
    },
    { type: "endpoint-attribute-filter", parameters: { algorithm: threshold }, at: "attribute" },
    { type: "endpoint-attribute-filter", parameters: { attribute: "", algorithm: threshold }, at: "attribute" },
    { type: "endpoint-attribute-filter", parameters: { attribute: "a b", algorithm: threshold }, at: "attribute" },
    { type: "endpoint-attribute-filter", parameters: { attribute: "a" }, at: "algorithm" },
    {
      type: "endpoint-attribute-filter",
      parameters: { attribute: "a", onMissing: "pass", algorithm: threshold },
      at: "onMissing",
    },
    {
      type: "endpoint-attribute-filter",
      parameters: { attribute: "a", algorithm: { ...threshold, type: "topK" } },
      at: "algorithm.type",
    },
    {
      type: "endpoint-attribute-filter",
      parameters: { attribute: "a", algorithm: { type: "threshold", threshold: { operator: "<", value: 1 } } },
      at: "algorithm.threshold.operator",
    },
    {
      type: "endpoint-attribute-filter",
      parameters: { attribute: "a", algorithm: { type: "threshold", threshold: { operator: "Equal", value: "1" } } },
      at: "algorithm.threshold.value",
    },
    { type: "topology-affinity-filter", parameters: { minAffinity: "hostname" }, at: "minAffinity" },
    { type: "topology-affinity-filter", parameters: { minAfinity: "host" }, at: "" },
    { type: "serves-model", parameters: { model: "m" }, at: "" },
    { type: "has-adapter", parameters: { adapter: "a" }, at: "" },
  ];
  for (const { type, parameters, at } of wrong) {
    it(`of ${type} are refused: ${JSON.stringify(parameters)}`, () => {
      const faults = faultsOf(type, parameters);
      expect(faults.map((fault) => fault.slice(0, fault.indexOf(": ")))).toEqual([at]);
    });
  }

  for (const type of ["decode-filter", "prefill-filter", "encode-filter"]) {
    it(`of ${type} are taken whatever they are, with a word about each`, () => {
      const given = { label: "x", validValues: ["y"] };
      expect(faultsOf(type, given)).toEqual([]);
      expect(policyOf(type).oddities?.(completed(type, given))).toEqual([
        { path: ["label"], message: "has no effect" },
        { path: ["validValues"], message: "has no effect" },
      ]);
      expect(policyOf(type).oddities?.(completed(type, {}))).toEqual([]);
    });
  }
});

describe("every filter", () => {
  const parameters: Readonly<Record<string, unknown>> = {
    "label-selector-filter": { matchLabels: { gpu: "H100" } },
    "by-label-selector": { matchLabels: { gpu: "H100" } },
    "by-label": { label: "gpu", validValues: ["H100"] },
    "utilization-filter": {
      conditions: [
        { metric: "active-requests", maxValue: 1 },
        { metric: "waiting-queue", maxValue: 1 },
        { metric: "waiting-queue", maxValue: 2 },
      ],
    },
    "endpoint-attribute-filter": { attribute: "KVCacheUsagePercent", algorithm: threshold },
  };
  for (const { type } of filterTypes) {
    it(`of type ${type} is made under its name, and tells what it does`, () => {
      const policy = policyOf(type);
      const given = completed(type, parameters[type] ?? {});
      expect(policy.filter?.("mine", given)).toMatchObject({ name: "mine", type });
      expect(policy.about).toMatch(/^[A-Z].*\.$/);
      expect(policy.explain?.(given, []) ?? policy.about).not.toContain("undefined");
    });
  }

  const needs = {
    "utilization-filter": ["inflight_requests", "waiting_requests"],
    "endpoint-attribute-filter": ["kv_cache_usage"],
    "header-based-testing-filter": [{ key: "request.headers", names: ["test-epp-endpoint-selection"] }],
    "has-adapter": ["request.lora", { key: "endpoint.sets", names: ["adapters_running", "adapters_waiting"] }],
  };
  for (const [type, want] of Object.entries(needs)) {
    it(`of type ${type} says what it reads`, () =>
      expect(policyOf(type).needs?.(completed(type, parameters[type] ?? {}))).toEqual(want));
  }

  it("names the producers that its parameters name", () => {
    const refs = (type: string, given: object) => policyOf(type).refs?.(completed(type, given));
    const utilization = { conditions: [{ metric: "waiting-queue", maxValue: 1 }] };
    expect(refs("utilization-filter", utilization)).toEqual([]);
    expect(refs("utilization-filter", { ...utilization, inFlightLoadProducerName: "load" })).toEqual([
      { path: ["inFlightLoadProducerName"], name: "load", role: "implied" },
    ]);
    const attribute = { attribute: "a", algorithm: threshold };
    expect(refs("endpoint-attribute-filter", attribute)).toEqual([]);
    expect(refs("endpoint-attribute-filter", { ...attribute, producer: "" })).toEqual([]);
    expect(refs("endpoint-attribute-filter", { ...attribute, producer: "dcgm-extractor" })).toEqual([
      { path: ["producer"], name: "dcgm-extractor", role: "data" },
    ]);
    expect(refs("topology-affinity-filter", { topologyProducerName: "t" })).toEqual([
      { path: ["topologyProducerName"], name: "t", role: "data" },
    ]);
  });

  it("warns of a selector that selects everything, and of a filter that is for tests", () => {
    expect(policyOf("label-selector-filter").oddities?.(completed("label-selector-filter", {}))).toHaveLength(1);
    expect(
      policyOf("label-selector-filter").oddities?.(completed("label-selector-filter", { matchLabels: { a: "b" } })),
    ).toEqual([]);
    expect(
      policyOf("header-based-testing-filter").oddities?.(completed("header-based-testing-filter", {})),
    ).toHaveLength(1);
  });

  for (const type of ["by-label", "by-label-selector"]) {
    it(`of type ${type} says what to write instead`, () =>
      expect(policyOf(type).notice).toContain("label-selector-filter"));
  }
});
