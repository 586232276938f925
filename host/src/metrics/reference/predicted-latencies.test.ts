import { describe, expect, it } from "vitest";
import type { Latency, Prediction } from "../../scheduling/predictions.ts";
import { openReference, someRequest } from "./fixtures/open-reference.ts";
import { maxLabelSets } from "./request-labels.ts";

const prediction: Prediction = {
  producer: "p",
  type: "predicted-latency-producer",
  durationUs: 300,
  ttftMs: 50,
  ttftP90Ms: 90,
  tpotMs: 20,
  tpotP90Ms: 30,
};
const took: Latency = { ttftMs: 40, tpotMs: 25 };
const noTargets: Latency = { ttftMs: 0, tpotMs: 0 };
const unknown = Number.NaN;
const none = { ttftMs: unknown, ttftP90Ms: unknown, tpotMs: unknown, tpotP90Ms: unknown };
const plugin = 'plugin_name="p",plugin_type="predicted-latency-producer"';
const models = 'model_name="m",target_model_name="t"';

function predicted(of: Partial<Prediction> = {}, seen: Latency = took, targets: Latency = noTargets) {
  const opened = openReference();
  opened.observer.predicted(someRequest, { ...prediction, ...of }, seen, targets);
  return opened;
}

/** Values of the gauge by its label `type`. */
async function latestOf({ linesOf }: ReturnType<typeof openReference>): Promise<Record<string, number>> {
  const lines = await linesOf("llm_d_epp_inference_request_metric");
  return Object.fromEntries(
    lines.map((line) => [/type="(\w+)"\}/.exec(line)?.[1] ?? line, Number(line.split(" ").at(-1))]),
  );
}

describe("predicted latencies", () => {
  it("are observed under the reference EPP's name and the older one", async () => {
    const { linesOf } = predicted();
    const names = ["ttft", "tpot"].map((kind) => `request_predicted_${kind}_seconds_sum`);
    expect(await linesOf(...names.flatMap((name) => [`llm_d_epp_${name}`, `inference_objective_${name}`]))).toEqual([
      `llm_d_epp_${names[0]}{${plugin},${models}} 0.05`,
      `inference_objective_${names[0]}{${models}} 0.05`,
      `llm_d_epp_${names[1]}{${plugin},${models}} 0.02`,
      `inference_objective_${names[1]}{${models}} 0.02`,
    ]);
  });

  it("have the time of their producer's call", async () => {
    const { linesOf } = predicted({ tpotMs: unknown });
    expect(await linesOf("llm_d_epp_request_ttft_prediction", "llm_d_epp_request_tpot_prediction")).toContain(
      `llm_d_epp_request_ttft_prediction_duration_seconds_sum{${plugin},${models}} 0.0003`,
    );
    expect(await linesOf("llm_d_epp_request_tpot_prediction")).toEqual([]);
  });

  it("leave their latest values", async () => {
    expect(await latestOf(predicted({}, took, { ttftMs: 30, tpotMs: 26 }))).toEqual({
      ttft: 0.04,
      predicted_ttft: 0.05,
      ttft_prediction_duration: 0.0003,
      ttft_slo_violation: 1,
      tpot: 0.025,
      predicted_tpot: 0.02,
      tpot_prediction_duration: 0.0003,
      tpot_slo_violation: 0,
    });
  });

  const partly = [
    { title: "what took an unknown time", of: {}, seen: { ttftMs: unknown, tpotMs: unknown }, want: [] },
    { title: "a prediction that is none", of: none, seen: took, want: ["ttft", "tpot"] },
  ];
  for (const { title, of, seen, want } of partly) {
    it(`do not observe ${title}`, async () => {
      const opened = predicted(of, seen);
      expect(Object.keys(await latestOf(opened))).toEqual(want);
      expect(await opened.linesOf("llm_d_epp_request_predicted")).toEqual([]);
    });
  }
});

describe("violations of targets", () => {
  const cases = [
    { title: "a target that is missed", seen: took, targets: { ttftMs: 39, tpotMs: 25 }, want: [1, 0] },
    { title: "no target that is met", seen: took, targets: { ttftMs: 40, tpotMs: 30 }, want: [0, 0] },
    { title: "no request without targets", seen: took, targets: noTargets, want: [] },
    { title: "what is missed though nothing was predicted", of: none, targets: { ttftMs: 1, tpotMs: 0 }, want: [1] },
    {
      title: "no target of what nobody has seen",
      seen: { ttftMs: 40, tpotMs: unknown },
      targets: { ttftMs: 0, tpotMs: 1 },
      want: [],
    },
  ];
  for (const { title, of, seen, targets, want } of cases) {
    it(`count ${title}`, async () => {
      const { linesOf } = predicted(of, seen, targets);
      const kinds = ["ttft", "tpot"].slice(0, want.length);
      expect(await linesOf("llm_d_epp_request_slo_violation_total")).toEqual(
        kinds.map((kind, i) => `llm_d_epp_request_slo_violation_total{${plugin},${models},type="${kind}"} ${want[i]}`),
      );
    });
  }
});

it("models share series behind the first ones, however clients pair them with others", async () => {
  const { observer, linesOf } = openReference();
  for (let i = 0; i < maxLabelSets + 5; i++) {
    const request = { ...someRequest, model: `m${i % 50}`, targetModel: `t${Math.floor(i / 50)}` };
    observer.predicted(request, prediction, took, noTargets);
  }
  const counts = await linesOf("llm_d_epp_request_predicted_ttft_seconds_count");
  expect(counts).toHaveLength(maxLabelSets + 1);
  expect(counts.at(-1)).toBe(
    `llm_d_epp_request_predicted_ttft_seconds_count{${plugin},model_name="other",target_model_name="other"} 5`,
  );
});
