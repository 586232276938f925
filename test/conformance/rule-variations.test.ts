import { describe, expect, it } from "vitest";
import { type Row, statusOf, titleOf } from "./testing/row-status.ts";

const unit = (group: string, given: Row, want: Row) => ({ group, level: "unit", given, want });
const director = (given: Row, want: Row) => unit("director", given, want);
const startUp = (plugins: readonly Row[], wanted: Row, more: Row = {}) => ({
  group: "config",
  level: "startup",
  given: { config: { apiVersion: "llm-d.ai/v1alpha1", kind: "EndpointPickerConfig", plugins, ...more } },
  want: { plugins: wanted },
  expect_properties: ["EPP starts with this configuration"],
});

describe("rows about rules of requests like those that are kept", () => {
  const one = "10.1.1.1:80";
  const rewritten = (rewrite: string, body: Row, model: string) => ({
    given: { body, rewrite },
    want: { target_pod: `pod1 ${one}`, destination: `${one},10.1.1.2:80`, body: { ...body, model } },
  });
  const general = rewritten("rule without matches -> any", { prompt: "p", model: "x" }, "any");
  const exact = rewritten("a -> b weight 3", { prompt: "p", model: "a" }, "b");
  const other = rewritten("a -> b weight 3", { prompt: "p", model: "c" }, "c");
  const parsers = { first: ["v1/x", "x/y"], second: ["y"], last: null };
  const cases: readonly { readonly right: Row; readonly wrong: Row }[] = [
    {
      right: director({ rewrites: ["m -> n", "o -> p"], model: "o" }, { target_one_of: ["p"] }),
      wrong: director({ rewrites: ["m -> n", "o -> p"], model: "o" }, { target_one_of: ["o"] }),
    },
    {
      right: director({ rewrites: ["m -> new (t=30)", "m -> old (t=4)"], model: "m" }, { target_one_of: ["old"] }),
      wrong: director({ rewrites: ["m -> new (t=3)", "m -> old (t=40)"], model: "m" }, { target_one_of: ["old"] }),
    },
    {
      right: director(
        { rewrites: ["rule without matches -> g", "m -> n 1 / o 1"], model: "x" },
        { target_one_of: ["g"] },
      ),
      wrong: director({ rewrites: ["m -> n 1 / o 1"], model: "m" }, { target_one_of: ["n"] }),
    },
    {
      right: director({ rewrites: ["m -> n"], model: "x", initial_target: "kept" }, { target_one_of: ["kept"] }),
      wrong: director({ rewrites: ["m -> n"], model: "m", initial_target: "kept" }, { target_one_of: ["kept"] }),
    },
    {
      right: director({ targets: { a: 1, b: 3 }, draws: 2_000 }, { distribution: "25/75 +-20 %" }),
      wrong: director({ targets: { a: 1, b: 3 }, draws: 2_000 }, { distribution: "even +-20 %" }),
    },
    {
      right: director({ targets: { a: null, b: null, c: null }, draws: 900 }, { distribution: "even +-25 %" }),
      wrong: director({ targets: { a: null, b: 5 }, draws: 900 }, { distribution: "even +-20 %" }),
    },
    {
      right: director({ targets: { a: null, b: 5 }, draws: 100 }, { distribution: "0/100 +-20 %" }),
      wrong: director({ targets: { a: 1, b: 5 }, draws: 100 }, { distribution: "0/100 +-20 %" }),
    },
    { right: director(general.given, general.want), wrong: director(general.given, other.want) },
    { right: director(exact.given, exact.want), wrong: director(other.given, exact.want) },
    { right: director(other.given, other.want), wrong: director(exact.given, { ...exact.want, target_model: "a" }) },
    {
      right: director({ body: "system + user + assistant messages" }, { destination: one }),
      wrong: director({ body: { model: "m" } }, { destination: one }),
    },
    {
      right: director({ body: { model: "m", messages: [] } }, { error_code: "BadRequest" }),
      wrong: director(
        { body: { model: "m", messages: [{ role: "user", content: "x" }] } },
        { error_code: "BadRequest" },
      ),
    },
    {
      right: director({ agent_identity_attribute: "an agent" }, { fairness_id: "an agent" }),
      wrong: director({ agent_identity_attribute: "an agent" }, { fairness_id: "default-flow" }),
    },
    {
      right: director(
        { headers: { "x-gateway-inference-fairness-id": "tenant" }, agent_identity_attribute: "an agent" },
        { fairness_id: "tenant" },
      ),
      wrong: director({ headers: {}, agent_identity_attribute: "an agent" }, { fairness_id: "tenant" }),
    },
    {
      right: director({ scheduling_result: "1 of 3 blocks" }, { cached: true }),
      wrong: director({ scheduling_result: "0 of 3 blocks" }, { cached: true }),
    },
    {
      right: director(
        { prefer_header: "wait=5, if-available", prefix_blocks: "0 of 2" },
        { error_code: "PreconditionFailed", http_status: 412 },
      ),
      wrong: director(
        { prefer_header: "wait=5", prefix_blocks: "0 of 2" },
        { error_code: "PreconditionFailed", http_status: 412 },
      ),
    },
    {
      right: director(
        { scenario: "endpoints a,b,c,d; screener 1 drops a,d; screener 2 keeps b,d" },
        { result: "second sees all 4; result b" },
      ),
      wrong: director({ scenario: "endpoints a,b; screener 1 drops a" }, { result: "result a" }),
    },
    {
      right: director({ scenario: "endpoints a,b; screener 1 keeps a; screener 2 drops a" }, { result: "result none" }),
      wrong: director({ scenario: "endpoints a,b; screener 1 keeps a" }, { result: "first sees all 1; result a" }),
    },
    {
      right: director(
        { "x-request-id": "r-7", response_headers: { "X-A": "1", "x-b": "two" }, pod: "ns/pod" },
        { plugin_sees: "all three unchanged" },
      ),
      wrong: director(
        { "x-request-id": "r-7", response_headers: { "x-a": "1", "X-A": "2" }, pod: "ns/pod" },
        { plugin_sees: "all three unchanged" },
      ),
    },
    {
      right: unit("parsers", { parsers, path: "/v1/x/y?q=1" }, { parser: "first" }),
      wrong: unit("parsers", { parsers, path: "/v1/y" }, { parser: "first" }),
    },
    {
      right: unit("parsers", { parsers, path: "/v1/xy" }, { parser: "last" }),
      wrong: unit("parsers", { parsers, path: "/v1/xy" }, { error: true }),
    },
    {
      right: unit(
        "parsers",
        {
          parsers_in_order: [
            ["a", null],
            ["b", ["x"]],
          ],
          path: "/x",
        },
        { parser: "a" },
      ),
      wrong: unit(
        "parsers",
        {
          parsers_in_order: [
            ["a", ["x"]],
            ["b", ["x"]],
          ],
          path: "/x",
        },
        { parser: "b" },
      ),
    },
    {
      right: unit(
        "testfilter",
        { headers: { "test-epp-endpoint-selection": "10.0.0.2:1, 10.0.0.9" }, endpoints: ["10.0.0.1:1", "10.0.0.2:1"] },
        { endpoints_in_order: ["10.0.0.2:1"] },
      ),
      wrong: unit(
        "testfilter",
        { headers: { "test-epp-endpoint-selection": "10.0.0.9" }, endpoints: ["10.0.0.1:1"] },
        { endpoints_in_order: ["10.0.0.1:1"] },
      ),
    },
    {
      right: unit(
        "admission",
        { outcome: "Dispatched", priority: -3 },
        { error_code: null, drop_reason: null, admitted: true },
      ),
      wrong: unit("admission", { outcome: "Dispatched", priority: -3 }, { error_code: "Internal", drop_reason: null }),
    },
    {
      right: unit(
        "admission",
        { outcome: "RejectedCapacity", priority: -3 },
        { error_code: "ResourceExhausted", drop_reason: "rejected-saturated", admitted: false },
      ),
      wrong: unit("admission", { outcome: "RejectedCapacity", priority: -3 }, { error_code: null, drop_reason: null }),
    },
    {
      right: unit(
        "admission",
        { outcome: "RejectedNoEndpoints", pool_empty: true },
        { error_code: "ServiceUnavailable", drop_reason: "rejected-no-endpoints" },
      ),
      wrong: unit("admission", { outcome: "RejectedNoEndpoints" }, { error_code: "Internal", drop_reason: null }),
    },
    {
      right: startUp([{ type: "decode-filter" }, { type: "queue-scorer", name: "q" }], {
        "decode-filter": "by-label",
        q: "queue-scorer",
        "max-score-picker": "max-score-picker",
        "token-producer": "token-producer",
      }),
      wrong: startUp([{ type: "decode-filter" }], { "decode-filter": "label-selector-filter" }),
    },
    {
      right: startUp([{ type: "prefix-cache-scorer" }], {
        "approx-prefix-cache-producer": "approx-prefix-cache-producer",
      }),
      wrong: startUp([{ type: "queue-scorer" }], { "approx-prefix-cache-producer": "approx-prefix-cache-producer" }),
    },
  ];
  for (const { right, wrong } of cases) {
    it(`pass: ${titleOf(right)}`, async () => expect(await statusOf(right)).toBe("pass"));
    it(`fail: ${titleOf(wrong)}`, async () => expect(await statusOf(wrong)).toMatch(/^fail/));
  }

  const apart: readonly Row[] = [
    director({ rewrites: ["whenever it rains -> n"], model: "m" }, { target_one_of: ["n"] }),
    director({ body: "something odd" }, { destination: one }),
    director({ scheduling_result: "match info on the moon" }, { cached: false }),
    director({ plugin: "sings", body: { model: "m" } }, { destination: one }),
    unit("admission", { outcome: "RejectedCapacity", priority: 0 }, { error_code: null, drop_reason: null }),
    unit(
      "admission",
      { outcome: "EvictedTTL" },
      { error_code: "ResourceExhausted", drop_reason: "rejected-ttl-expired" },
    ),
    unit("parsers", { parsers: { vertex: ["x"] }, path: "/x" }, { parser: "vertex" }),
    startUp([{ type: "edf-ordering-policy" }], {}),
    startUp([{ type: "a-type-of-somebody" }], {}),
  ];
  for (const row of apart) {
    it(`not applicable: ${titleOf(row)}`, async () => expect(await statusOf(row)).toBe("not_applicable"));
  }
});
