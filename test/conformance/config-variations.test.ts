import { describe, expect, it } from "vitest";
import { type Row, statusOf } from "./testing/row-status.ts";

const body = JSON.stringify({ model: "m", prompt: "x", max_tokens: 3 });
const request = (headers: Row = {}) => [
  { type: "request_headers", headers: { ":path": "/v1/completions", ...headers }, end_of_stream: false },
  { type: "request_body", body_text: body, end_of_stream: true },
];
const response = (usage: Row) => [
  { type: "response_headers", headers: { ":status": "200", "content-type": "application/json" }, end_of_stream: false },
  { type: "response_body", body_text: JSON.stringify({ usage }), end_of_stream: true },
];
const pods = (...labels: readonly Row[]) =>
  labels.map((of, index) => ({ index, address: `10.0.0.${index + 1}`, waiting_queue_size: index, labels: of }));
const role = (name: string) => ({ "llm-d.ai/role": name });
const reporter = { namespace: "mine", name: "cost", expression: "usage.prompt_tokens * 2" };
const stages = {
  profile_handler: "disagg-profile-handler, prefill decider always-disagg-pd-decider",
  profiles: { prefill: ["prefill-filter", "queue-scorer weight 2"], decode: ["decode-filter", "queue-scorer"] },
};

/** Configurations as a file of cases tells them for short. */
const fixtures = {
  pool: { name: "a-pool" },
  objectives: { urgent: 7 },
  model_rewrites: { m: "tuned" },
  configs: {
    reported: { parser: "openai-parser", "request-attribute-reporter": reporter },
    passed: { parser: "passthrough-parser", profiles: { default: ["queue-scorer"] } },
    stages,
    together: { same_as: "stages", difference: "no prefill decider, so prefill is skipped" },
    odd: { same_as: "stages", difference: "everything is blue" },
    detected: { saturation_detector: { type: "concurrency-detector", maxConcurrency: 3 } },
    gated: { feature_gate: "flowControl" },
    token: { profiles: { default: ["session-affinity-filter(header x-session-token)", "queue-scorer"] } },
    id: {
      profiles: {
        default: ["session-affinity-filter(strategy session_id, sources: header x-session-id)", "queue-scorer"],
      },
    },
    wordy: { profiles: { default: ["session-affinity-filter(strategy session_id, same sources)", "queue-scorer"] } },
    grpc: { parser: "vllmgrpc-parser" },
  },
};

describe("configurations like those that are kept", () => {
  const row = (config: string, send: readonly Row[], sentences: readonly string[], more: Row = {}) => ({
    group: "hermetic",
    level: "protocol",
    config,
    pods: pods({}, {}),
    send,
    expect_properties: sentences,
    ...more,
  });
  const withStages = { pods: pods(role("prefill"), role("decode"), role("decode")) };
  const cases: readonly { readonly title: string; readonly row: Row; readonly status: RegExp }[] = [
    {
      title: "tell of a reporter's number",
      row: row(
        "reported",
        [...request(), ...response({ prompt_tokens: 4, completion_tokens: 1 })],
        ["reply 3 dynamic_metadata['mine']['cost'] == 8 (number)"],
      ),
      status: /^pass$/,
    },
    {
      title: "fail where it is another",
      row: row(
        "reported",
        [...request(), ...response({ prompt_tokens: 5, completion_tokens: 1 })],
        ["reply 3 dynamic_metadata['mine']['cost'] == 8 (number)"],
      ),
      status: /^fail/,
    },
    {
      title: "rewrite what the file's rules say",
      row: row("reported", request(), [], { expect_metrics: rewritten("tuned", "0") }),
      status: /^pass$/,
    },
    {
      title: "know the file's objectives",
      row: row("reported", request({ "x-llm-d-inference-objective": "urgent" }), [], {
        expect_metrics: rewritten("tuned", "7"),
      }),
      status: /^pass$/,
    },
    {
      title: "know no objectives without objects of Kubernetes",
      row: row("reported", request({ "x-llm-d-inference-objective": "urgent" }), [], {
        modes: ["standalone-no-crd"],
        expect_metrics: rewritten("m", "0"),
      }),
      status: /^pass$/,
    },
    {
      title: "pass on what is no JSON",
      row: row(
        "passed",
        [request()[0]!, { type: "request_body", body_text: "no JSON", end_of_stream: true }],
        ["destination 10.0.0.1:8000", "request body unchanged"],
      ),
      status: /^pass$/,
    },
    {
      title: "run stages",
      row: row(
        "stages",
        request(),
        ["destination 10.0.0.2:8000", "sets x-prefiller-host-port to 10.0.0.1:8000"],
        withStages,
      ),
      status: /^pass$/,
    },
    {
      title: "run one stage without the other's decider",
      row: row("together", request(), ["destination 10.0.0.2:8000", "no x-prefiller-host-port"], withStages),
      status: /^pass$/,
    },
    {
      title: "fail where that other ran",
      row: row("stages", request(), ["no x-prefiller-host-port"], withStages),
      status: /^fail/,
    },
    { title: "have a detector", row: row("detected", request(), ["2 replies"]), status: /^pass$/ },
    { title: "differ in what nobody understands", row: row("odd", request(), ["2 replies"]), status: /^not_app/ },
    { title: "need queues", row: row("gated", request(), ["2 replies"]), status: /^not_app/ },
    { title: "need a parser that is refused", row: row("grpc", request(), ["2 replies"]), status: /^not_app/ },
    {
      title: "have a filter that pins sessions",
      row: row("token", [...request(), ...response({})], ["stream 1 carries non-empty x-session-token"]),
      status: /^pass$/,
    },
    {
      title: "pin no sessions by a token where they have an id",
      row: row("id", [...request(), ...response({})], ["stream 1 carries non-empty x-session-token"]),
      status: /^fail/,
    },
    { title: "have settings that nobody reads", row: row("wordy", request(), ["2 replies"]), status: /^not_app/ },
    {
      title: "need an object that no configuration has",
      row: row("reported", request(), [], { requires: ["InferencePool"] }),
      status: /^not_app/,
    },
  ];
  for (const { title, row: given, status } of cases) {
    it(title, async () => expect(await statusOf(given, fixtures)).toMatch(status));
  }
});

function rewritten(target: string, priority: string): Row {
  const labels = { model_name: "m", target_model_name: target, priority };
  return { inference_objective_request_total: { labels, value: 1 } };
}
