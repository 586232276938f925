import { readFileSync } from "node:fs";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exchange } from "../clients/exchange.ts";
import { type Host, startHost } from "../clients/host.ts";
import { readEvents } from "../clients/openai-stream.ts";
import { until } from "../clients/poll.ts";

const config = `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins:
- { type: approx-prefix-cache-producer }
- { type: queue-scorer }
- { type: predicted-latency-producer, parameters: { minSamples: 1 } }
- { type: prefix-based-pd-decider }
- { type: disagg-profile-handler, parameters: { deciders: { prefill: prefix-based-pd-decider } } }
objectives: [{ name: urgent, priority: 3 }]
modelRewrites: [{ name: canary, models: [public], targets: [{ model: private, weight: 1 }] }]
schedulingProfiles:
- { name: decode, plugins: [{ pluginRef: queue-scorer }] }
- { name: prefill, plugins: [{ pluginRef: queue-scorer }] }
`;

/** Families that only tell something where a feature is in use that this host does not use, or of faults there are none of. */
const silent = [
  "pd_decision_total",
  "disaggregatedset_strict_header_no_match_total",
  "disaggregatedset_revision_gating_share",
];

/** Names of the families that the page for users has, and of their older names. */
const rows = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `llm_d_epp_"))
  .map((line) => line.split(" | "));
const documented = rows.flatMap((cells) => {
  const kind = cells[1] ?? "";
  const older = [...(cells[4] ?? "").matchAll(/`((?:inference|llm_d)_[a-z_]+)`/g)].map(([, name]) => name ?? "");
  return [/`(.*)`/.exec(cells[0] ?? "")?.[1] ?? "", ...older].map((name) => ({ name, kind }));
});

let fleet: Fleet;
let host: Host;
let page: string;

const completion = (members: object) => JSON.stringify({ prompt: "word ".repeat(400), max_tokens: 8, ...members });
const headers = { "x-llm-d-inference-objective": "urgent", "x-llm-d-inference-fairness-id": "tenant" };
const targets = { "x-llm-d-slo-ttft-ms": "1", "x-llm-d-slo-tpot-ms": "60000" };

beforeAll(async () => {
  fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
  const args = ["--no-warmup", "--gateway-port=0", "--pool-name=blue"];
  host = await startHost({ endpoints: fleet.endpoints, config, args });
  const door = `http://${host.addresses.gateway}`;
  const whole = await exchange(`${door}/v1/completions`, { body: completion({ model: "public" }), headers });
  expect(`${whole.status} ${whole.body}`).toMatch(/^200 /);
  // So slow that a stream comes in pieces.
  await fleet.fault("*", { slowFactor: 50 });
  const again = { model: "m", prompt: "word ".repeat(400), max_tokens: 8, stream: true };
  for (let i = 0; i < 2; i++)
    await readEvents(`${door}/v1/completions`, { ...again, stream_options: { include_usage: true } });
  const aimed = completion({ ...again, model: "aimed", stream_options: { include_usage: true } });
  expect((await exchange(`${door}/v1/completions`, { body: aimed, headers: targets })).status).toBe(200);
  await fleet.fault("*", {});
  expect((await exchange(`${door}/v1/completions`, { body: "nonsense" })).status).toBe(400);
  const ended = [
    /llm_d_epp_request_duration_seconds_count\{model_name="m".*\} 2\n/,
    /llm_d_epp_request_duration_seconds_count\{model_name="aimed".*\} 1\n/,
  ];
  page = await until(host.metrics, (text) => ended.every((line) => line.test(text)));
});
afterAll(async () => {
  await host?.stop();
  await fleet?.stop();
});

const sampleOf = (series: string) =>
  Number(
    page
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.split(" ")
      .at(-1),
  );

describe("the metrics page behind traffic", () => {
  it("has every family that is documented, as the kind that it is", () => {
    expect(documented.length).toBeGreaterThan(55);
    for (const { name, kind } of documented) expect(page).toContain(`# TYPE ${name} ${kind}\n`);
  });

  it("has samples of each, unless there is nothing to tell", () => {
    const isSilent = (name: string) => silent.some((end) => name.endsWith(end));
    const empty = documented
      .map(({ name }) => name)
      .filter((name) => !new RegExp(`^${name}(?:_count)?[{ ]`, "m").test(page));
    expect(empty.filter((name) => !isSilent(name))).toEqual([]);
  });

  it("tells requests by model, target, tenant and priority", () => {
    const labels = 'model_name="public",target_model_name="private",fairness_id="tenant",priority="3"';
    expect(sampleOf(`llm_d_epp_request_total{${labels}}`)).toBe(1);
    expect(sampleOf(`llm_d_epp_request_output_tokens_sum{${labels}}`)).toBe(8);
    expect(sampleOf(`llm_d_epp_request_running{${labels}}`)).toBe(0);
    expect(
      sampleOf('inference_objective_request_total{model_name="public",target_model_name="private",priority="3"}'),
    ).toBe(1);
    expect(
      sampleOf(
        'llm_d_epp_model_rewrite_decisions_total{model_rewrite_name="canary",model_name="public",target_model="private"}',
      ),
    ).toBe(1);
  });

  it("tells streams apart", () => {
    const labels = 'model_name="m",target_model_name="m",fairness_id="default-flow",priority="0"';
    expect(sampleOf(`llm_d_epp_request_ttft_seconds_count{${labels},streaming="true"}`)).toBe(2);
    expect(sampleOf(`llm_d_epp_request_streaming_itl_seconds_count{${labels}}`)).toBeGreaterThan(0);
  });

  it("tells how good predictions were, and which targets were missed", () => {
    const kinds = ["ttft", "tpot"] as const;
    for (const kind of kinds) {
      const labels = `producer="predicted-latency-producer",kind="${kind}"`;
      const compared = sampleOf(`outrider_prediction_compared_total{${labels}}`);
      expect(compared).toBeGreaterThan(0);
      const [within, above] = ["within", "above"].map((observed) =>
        sampleOf(`outrider_prediction_p90_total{${labels},observed="${observed}"}`),
      );
      expect(within! + above!).toBe(compared);
      const took = sampleOf(`outrider_prediction_observed_seconds_total{${labels}}`);
      expect(took).toBeGreaterThan(0);
    }
    const missed = kinds.map((kind) =>
      sampleOf(
        `inference_objective_request_slo_violation_total{model_name="aimed",target_model_name="aimed",type="${kind}"}`,
      ),
    );
    expect(missed).toEqual([1, 0]);
  });

  it("tells refusals by their code", () => {
    const labels = 'model_name="",target_model_name="",fairness_id="default-flow",priority="0"';
    expect(sampleOf(`llm_d_epp_request_error_total{${labels},error_code="BadRequest"}`)).toBe(1);
  });

  it("tells the pool under its name", () => {
    expect(sampleOf('llm_d_epp_ready_endpoints{name="blue"}')).toBe(2);
    expect(sampleOf('inference_pool_ready_pods{name="blue"}')).toBe(2);
  });
});

it("outlives what clients write into labels, and stays short", async () => {
  const door = `http://${host.addresses.gateway}/v1/completions`;
  const bad = { ...headers, "x-llm-d-inference-fairness-id": "a\xff\xfe" };
  expect((await exchange(door, { body: completion({ model: "m" }), headers: bad })).status).toBe(200);
  const long = { body: completion({ model: "x".repeat(1_000_000) }) };
  expect((await exchange(door, long)).status).toBe(200);
  const labels = /llm_d_epp_request_total\{model_name="x{61}…"/;
  const after = await until(host.metrics, (text) => labels.test(text));
  expect(after.length).toBeLessThan(page.length + 300_000);
  expect(after).toMatch(/llm_d_epp_request_total\{.*fairness_id="a[^"\n]{1,8}".*\} 1\n/);
});

it("keeps none where the configuration says so", async () => {
  const without = await startHost({
    endpoints: fleet.endpoints,
    config: `${config}referenceMetrics: false\n`,
    args: ["--no-warmup", "--gateway-port=0"],
  });
  try {
    const door = `http://${without.addresses.gateway}/v1/completions`;
    expect((await exchange(door, { body: completion({ model: "m" }) })).status).toBe(200);
    expect((await without.metrics()).split("\n").filter((line) => line.startsWith("llm_d_epp_"))).toEqual([]);
  } finally {
    await without.stop();
  }
});
