import { describe, expect, it } from "vitest";
import { type Row, statusOf, titleOf } from "./testing/row-status.ts";

const subsetKey = "x-gateway-destination-endpoint-subset";
const servedKey = "x-gateway-destination-endpoint-served";
const destinationKey = "x-gateway-destination-endpoint";
const hint = (value: unknown) => ({ "envoy.lb.subset_hint": { [subsetKey]: value } });
const served = (value: unknown) => ({ "envoy.lb": { [servedKey]: value } });
const destination = (value: string, more: Row = {}) => ({ "envoy.lb": { [destinationKey]: value, ...more } });
const scores = (values: Row) => ({ "x-gateway-destination-endpoint-scores": values });

describe("unit rows like those that are kept", () => {
  const pair = ["10.0.0.1", "10.0.0.2"];
  const ports = ["10.0.0.1:80", "10.0.0.2:80"];
  const select = (value: string) => ({ "test-epp-endpoint-selection": value });
  const servedHeader = "x-conformance-test-served-endpoint";
  const sse = 'data: {"id":"1","model":"a"}\n\ndata: {"model": "a"}\n\ndata: [DONE]\n\n';
  const unit = (group: string, given: Row, want: Row) => ({ group, level: "unit", given, want });
  const right: readonly Row[] = [
    unit("chunking", { bytes: 1, set_eos: true }, { messages: 1 }),
    unit("chunking", { bytes: 124_000, set_eos: true }, { messages: 2, end_of_stream_only_on_last: true }),
    unit("chunking", { bytes: 124_001, set_eos: false }, { messages: 3 }),
    unit(
      "subset",
      { endpoints: ["fd00::1", "fd00::2"], filter_metadata: hint(["[fd00::2]:8080"]) },
      { candidates: ["fd00::2"] },
    ),
    unit("subset", { endpoints: pair, filter_metadata: hint("10.0.0.1,10.0.0.2:9") }, { candidates: pair }),
    unit("subset", { endpoints: pair, filter_metadata: hint([12, null, { a: 1 }]) }, { candidates: [] }),
    unit("subset", { endpoints: pair, filter_metadata: { "envoy.lb.subset_hint": {} } }, { candidates: pair }),
    unit("subset", { endpoints: [], filter_metadata: null }, { candidates: [] }),
    unit("subset", { scenario: "subset A then subset A" }, { result: "one delegate call" }),
    unit("subset", { scenario: "subset [A,B,C] then [C,A,B]" }, { result: "one delegate call: in any order" }),
    unit("subset", { scenario: "subset [A,B] then [B,C]" }, { result: "two delegate calls" }),
    unit("lwepp", { endpoints: ports, headers: select("10.0.0.9") }, { error: true }),
    unit("lwepp", { endpoints: ports, headers: select("") }, { error: true }),
    unit("lwepp", { endpoints: ports, filter_metadata: hint([]) }, { error: true }),
    unit("lwepp", { endpoints: ports }, { error: false }),
    unit(
      "lwepp",
      { endpoints: [...ports, "10.0.0.3:80"], headers: select("10.0.0.1, 10.0.0.3:80") },
      { candidates: ["10.0.0.1", "10.0.0.3"] },
    ),
    unit(
      "lwepp",
      { endpoints: ports, headers: select("10.0.0.2"), filter_metadata: hint(["10.0.0.1:80"]) },
      { pick_ip: "10.0.0.2" },
    ),
    unit(
      "lwepp",
      { endpoints: ["[fd00::1]:80", "[fd00::2]:80"], headers: select("fd00::2") },
      { pick: "[fd00::2]:80" },
    ),
    unit(
      "lwepp",
      { filter_metadata: {} },
      {
        set_headers_in_order: [
          [servedHeader, "fail: missing envoy lb metadata"],
          ["x-went-into-resp-headers", "true"],
        ],
      },
    ),
    unit(
      "lwepp",
      { filter_metadata: null },
      { set_headers_in_order: [[servedHeader, "fail: missing envoy lb metadata"]] },
    ),
    unit(
      "lwepp",
      { filter_metadata: served("[fd00::2]:3000") },
      { set_headers_in_order: [[servedHeader, "[fd00::2]:3000"]] },
    ),
    unit(
      "handlers",
      { emit_endpoint_scores: false, target_endpoint: "1.2.3.4:80", scores: null },
      { dynamic_metadata: destination("1.2.3.4:80") },
    ),
    unit(
      "handlers",
      { emit_endpoint_scores: true, target_endpoint: "[fd00::1]:80", scores: { "[fd00::1]:80": 1, "[fd00::2]:80": 0 } },
      { dynamic_metadata: destination("[fd00::1]:80", scores({ "[fd00::1]:80": 1, "[fd00::2]:80": 0 })) },
    ),
    unit(
      "handlers",
      { body: sse, target_model: "a", incoming_model: "b" },
      { body: sse.replaceAll('"a"', '"b"'), mutated: true },
    ),
    unit(
      "handlers",
      { body: '{"model": "a"}', target_model: "a", incoming_model: 'quo"te' },
      { body: '{"model": "quo\\"te"}', mutated: true },
    ),
    unit(
      "handlers",
      { body: '{"model":"other"}', target_model: "a", incoming_model: "b" },
      { body: '{"model":"other"}', mutated: false },
    ),
    unit(
      "handlers",
      { content_type: "text/event-stream", chunk: "one data: line with usage, prompt 7", end_of_stream: true },
      { usage: { prompt: 7, completion: 10, total: 17 } },
    ),
    unit(
      "handlers",
      {
        content_type: "text/event-stream",
        chunks: ['data: {"usage":{"prompt_tokens":5,"compl', 'etion_tokens":10}}\n'],
      },
      { usage: { prompt: 5, completion: 10 } },
    ),
    unit("handlers", { chunks: [] }, { response_size: 0 }),
    unit("handlers", { headers: [{ key: "x-gateway-model-name-rewrite", value: "tuned" }] }, { target_model: "tuned" }),
    unit(
      "errors",
      { code: "BadRequest", msg: "x" },
      { immediate_response: { status: 400, body_contains: "x", set_headers: {} } },
    ),
    unit(
      "errors",
      { code: "PreconditionFailed", msg: "x" },
      { immediate_response: { status: 412, body_contains: "x", set_headers: {} } },
    ),
    unit("errors", { typed_error_code: "ModelServerError" }, { code: "ModelServerError" }),
    unit("handlers", { body: "OpenAI JSON without usage", usage: null }, { usage: {}, error: false }),
    unit("handlers", { body: "invalid JSON", usage: { prompt_tokens: 3 } }, { usage: {}, error: false }),
    unit("handlers", { body: "data: [DONE]\n", target_model: "a", incoming_model: "b" }, { body: "data: [DONE]\n" }),
    unit(
      "handlers",
      { body: '{"model":"a"}', target_model: "", incoming_model: "b" },
      { body: '{"model":"a"}', mutated: false },
    ),
    unit(
      "handlers",
      {
        headers: [
          { key: "x-gateway-inference-objective", value: "old" },
          { key: "x-llm-d-inference-objective", value: "new" },
          { key: "x-llm-d-model-name-rewrite", raw_value: "tuned" },
        ],
      },
      { objective: "new", target_model: "tuned" },
    ),
    unit("lwepp", { endpoints: ports, filter_metadata: hint("  10.0.0.2:80 ,  , ") }, { pick_ip: "10.0.0.2" }),
    unit("errors", { code: "Anything", msg: "" }, { text: "inference error: Anything - " }),
    unit(
      "metadata",
      { request_metadata_context: { filter_metadata: { a: { b: "c, d", e: [] } } } },
      { values: { a: { b: "c, d", e: [] } } },
    ),
    unit("metadata", { request_metadata_context: null }, { values: null }),
    unit(
      "headers",
      {
        headers: { "x-gateway-model-name-rewrite": "old", "x-llm-d-model-name-rewrite": "new" },
        key: "X-LLM-D-Model-Name-Rewrite",
      },
      { value: "new" },
    ),
    unit(
      "director",
      { scheduler_targets: { "1.2.3.4:80": 1 }, scored_not_picked: { "1.2.3.5:80": 0.25 } },
      { destination: "1.2.3.4:80", scores: { "1.2.3.4:80": 1, "1.2.3.5:80": 0.25 } },
    ),
    unit("lwepp", { endpoints: [...ports, "10.0.0.3:80"], requests: 4 }, { picks: "1 != 2, 2 != 3, 1 == 4" }),
    unit(
      "handlers",
      { body: "{}", dynamic_metadata: { mine: { cost: 7, rank: 1 }, "envoy.lb": { price: 0 } } },
      { last_reply_dynamic_metadata: { mine: { cost: 7, rank: 1 }, "envoy.lb": { price: 0 } } },
    ),
    unit(
      "handlers",
      {
        content_type: "text/event-stream",
        chunks: ["da", 'ta: {"choices":[{"text":"a"}]}\n\nda', "ta: [DO", "NE]\n\n"],
      },
      { streamed_events: 1 },
    ),
    unit(
      "handlers",
      { incoming_model: "mine", target_model: "tuned", priority: -2 },
      {
        metric: "llm_d_epp_request_ntpot_seconds",
        labels: { model_name: "mine", target_model_name: "tuned", fairness_id: "default-flow", priority: "-2" },
        samples: 1,
      },
    ),
  ];
  for (const row of right) it(`pass: ${titleOf(row)}`, async () => expect(await statusOf(row)).toBe("pass"));

  const wrong: readonly Row[] = [
    unit("chunking", { bytes: 62_001, set_eos: true }, { messages: 1 }),
    unit("subset", { endpoints: pair, filter_metadata: hint(["10.0.0.1:80"]) }, { candidates: pair }),
    unit("subset", { scenario: "subset A then subset B" }, { result: "one delegate call" }),
    unit("lwepp", { endpoints: ports, headers: select("10.0.0.1") }, { pick_ip: "10.0.0.2" }),
    unit(
      "lwepp",
      { filter_metadata: served("10.0.0.1:80") },
      { set_headers_in_order: [[servedHeader, "10.0.0.2:80"]] },
    ),
    unit(
      "handlers",
      { emit_endpoint_scores: true, target_endpoint: "1.2.3.4:80", scores: { "1.2.3.4:80": 1 } },
      { dynamic_metadata: destination("1.2.3.4:80") },
    ),
    unit(
      "handlers",
      { body: '{"model":"a"}', target_model: "a", incoming_model: "b" },
      { body: '{"model":"a"}', mutated: false },
    ),
    unit(
      "handlers",
      { content_type: "text/event-stream", chunk: "same plus prompt_tokens_details.cached_tokens 5" },
      { usage: { prompt: 7, completion: 10, cached: 6 } },
    ),
    unit("handlers", { headers: [{ key: "x-llm-d-model-name-rewrite", value: "tuned" }] }, { target_model: "" }),
    unit(
      "errors",
      { code: "NotFound", msg: "x" },
      { immediate_response: { status: 400, body_contains: "x", set_headers: {} } },
    ),
    unit("errors", { code: "Anything", msg: "x" }, { text: "Anything - x" }),
    unit("metadata", { request_metadata_context: { filter_metadata: hint(["a"]) } }, { values: null }),
    unit("lwepp", { endpoints: ports, requests: 2 }, { picks: "1 == 2" }),
    unit(
      "handlers",
      { body: "{}", dynamic_metadata: { mine: { cost: 7 } } },
      { last_reply_dynamic_metadata: { mine: { cost: 8 } } },
    ),
    unit(
      "handlers",
      { content_type: "text/event-stream", chunks: ['data: {"choices":[{"text":"a"}]}\n\n'] },
      { streamed_events: 2 },
    ),
  ];
  for (const row of wrong) it(`fail: ${titleOf(row)}`, async () => expect(await statusOf(row)).toMatch(/^fail/));
});
