import { createEndpointTable, type DecisionRecord, OutriderError, type Plan } from "@outrider/core";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { Attempts } from "./attempts.ts";
import { openReference, type ReferenceOptions } from "./fixtures/open-reference.ts";
import { createClientLabels } from "./request-labels.ts";
import { createTurns } from "./turns.ts";

const table = createEndpointTable({ epoch: 1 });
for (const [id, address] of [
  ["ns/one", "10.0.0.1:8000"],
  ["two", "[::1]:9000"],
] as const) {
  table.setReady(table.upsert({ id, address, labels: {} }), true);
}
const snapshot = table.publish(1);

/** A decision for the endpoint in slot 1. */
function recordOf(more: object = {}): DecisionRecord {
  return {
    generation: 1,
    snapshot,
    facts: { model: "m" },
    candidates: Uint32Array.of(0, 1),
    producers: [],
    profiles: [],
    destination: [1],
    routing: { setHeaders: [], port: 0 },
    durationUs: 300,
    ...more,
  } as unknown as DecisionRecord;
}

async function decide(record: DecisionRecord, options: ReferenceOptions = {}) {
  const opened = openReference(options);
  opened.observer.decided(record);
  return opened.linesOf;
}

describe("a decision", () => {
  it("takes its time", async () => {
    const linesOf = await decide(recordOf());
    const [sum, older] = await linesOf(
      "llm_d_epp_scheduler_e2e_duration_seconds_sum",
      "inference_extension_scheduler_e2e_duration_seconds_sum",
    );
    expect([sum, older]).toEqual([
      "llm_d_epp_scheduler_e2e_duration_seconds_sum 0.0003",
      "inference_extension_scheduler_e2e_duration_seconds_sum 0.0003",
    ]);
  });

  const attempts = [
    {
      title: "the endpoint it found",
      destination: [0],
      want: 'status="success",target_model_name="m",endpoint_name="one",namespace="ns",port="8000"',
    },
    {
      title: "one without a namespace",
      destination: [1],
      want: 'status="success",target_model_name="m",endpoint_name="two",namespace="",port="9000"',
    },
    {
      title: "that it found none",
      destination: [],
      want: 'status="failure",target_model_name="m",endpoint_name="",namespace="",port=""',
    },
  ];
  for (const { title, destination, want } of attempts) {
    it(`counts ${title}`, async () => {
      const linesOf = await decide(recordOf({ destination }));
      const older = want.replace("endpoint_name", "pod_name");
      expect(
        await linesOf("llm_d_epp_scheduler_attempts_total", "inference_extension_scheduler_attempts_total"),
      ).toEqual([
        `llm_d_epp_scheduler_attempts_total{${want}} 1`,
        `inference_extension_scheduler_attempts_total{${older}} 1`,
      ]);
    });
  }

  it("observes each plugin's part, one that failed too", async () => {
    const outcome = { name: "n", type: "t", callId: 1, durationUs: 500, kind: "scored", reason: "" };
    const error = new OutriderError("SCORER_UNAVAILABLE", "gone");
    const linesOf = await decide(
      recordOf({
        producers: [outcome],
        profiles: [{ scorers: [outcome, { ...outcome, name: "f", kind: "failed", error }] }],
      }),
    );
    const counts = await linesOf("llm_d_epp_plugin_duration_seconds_count");
    expect(counts.map((line) => line.slice(line.indexOf("{")))).toEqual([
      '{extension_point="DataProducer",plugin_type="t",plugin_name="n"} 1',
      '{extension_point="Scorer",plugin_type="t",plugin_name="n"} 1',
      '{extension_point="Scorer",plugin_type="t",plugin_name="f"} 1',
    ]);
  });
});

describe("stages", () => {
  const prefill = ["x-prefiller-host-port", "10.0.0.1:8000"];
  const encode = ["x-encoder-hosts-ports", "10.0.0.1:8000"];
  const handled = (type: string) => () => ({ handler: { name: "h", type } as unknown as Plan["handler"] });
  const cases = [
    { setHeaders: [], want: "decode-only" },
    { setHeaders: [prefill], want: "prefill-decode" },
    { setHeaders: [encode], want: "encode-decode" },
    { setHeaders: [prefill, encode], want: "encode-prefill-decode" },
  ];
  for (const { setHeaders, want } of cases) {
    it(`are counted as ${want}`, async () => {
      const record = recordOf({ routing: { setHeaders, port: 0 } });
      const linesOf = await decide(record, { plan: handled("disagg-profile-handler") });
      expect(await linesOf("llm_d_epp_disagg", "llm_d_inference_scheduler_disagg")).toEqual([
        `llm_d_epp_disagg_decision_total{plugin_name="h",plugin_type="disagg-profile-handler",model_name="m",decision_type="${want}"} 1`,
        `llm_d_inference_scheduler_disagg_decision_total{model_name="m",decision_type="${want}"} 1`,
      ]);
    });
  }

  it("of the earlier handler have a family of their own", async () => {
    const record = recordOf({ facts: { model: "" } });
    const linesOf = await decide(record, { plan: handled("pd-profile-handler") });
    expect(await linesOf("llm_d_epp_pd_decision", "llm_d_epp_disagg")).toEqual([
      'llm_d_epp_pd_decision_total{plugin_name="h",plugin_type="pd-profile-handler",model_name="unknown",decision_type="decode-only"} 1',
    ]);
  });

  const uncounted = [
    { title: "where no endpoint was found", record: recordOf({ destination: [] }), type: "disagg-profile-handler" },
    {
      title: "by a configuration that is no longer in force",
      record: recordOf({ generation: 7 }),
      type: "disagg-profile-handler",
    },
    { title: "where the handler knows none", record: recordOf(), type: "single-profile-handler" },
  ];
  for (const { title, record, type } of uncounted) {
    it(`are not counted ${title}`, async () => {
      const linesOf = await decide(record, { plan: handled(type) });
      expect(await linesOf("llm_d_epp_disagg", "llm_d_epp_pd")).toEqual([]);
    });
  }
});

describe("prefixes", () => {
  const producer = {
    name: "p",
    type: "pt",
    produces: ["data.prefix_match_blocks", "data.prefix_total_blocks"],
    produce: () => undefined,
  };
  const plan = () => ({ waves: [[{ producer, budgetMs: 1 }]] });
  const valuesOf = (matched: number, total: number) => [Float32Array.of(9, matched), Float32Array.of(total, total)];
  const cases = [
    { title: "believed cached where the request goes", values: valuesOf(3, 4), want: [["0.75", "768"]] },
    { title: "not cached", values: valuesOf(0, 4), want: [["0", "0"]] },
    { title: "of prompts without a whole block", values: valuesOf(Number.NaN, Number.NaN), want: [] },
    { title: "that the producer brought nothing of", values: [], want: [] },
  ];
  for (const { title, values, want } of cases) {
    it(`are observed: ${title}`, async () => {
      const linesOf = await decide(recordOf({ producers: [{ name: "p", type: "pt", durationUs: 1, values }] }), {
        plan,
      });
      const own = '{plugin_name="p",plugin_type="pt"}';
      const read = async (name: string) =>
        (await linesOf(`llm_d_epp_prefix_indexer_${name}_sum${own}`)).map((line) => line.split(" ")[1]);
      const [ratio, bytes] = [await read("hit_ratio"), await read("hit_bytes")];
      expect(ratio.map((value, i) => [value, bytes[i]])).toEqual(want);
    });
  }
});

describe("attempts", () => {
  const open = () => {
    const registry = new Registry();
    const place = { registry, isOn: () => true, turns: createTurns() };
    return {
      registry,
      attempts: new Attempts(
        place,
        createClientLabels(() => false),
      ),
    };
  };
  const linesOf = async (registry: Registry) =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith("llm_d_epp_scheduler_attempts_total{"));

  it("of more endpoints than there is room for are those of endpoints that are there", async () => {
    const { registry, attempts } = open();
    for (let round = 0; round < 3; round++) {
      const churn = createEndpointTable({ epoch: 1 });
      for (let i = 0; i < 4_000; i++) {
        churn.upsert({ id: `r${round}-${i}`, address: `10.0.${i >> 8}.${i & 255}:${8000 + round}`, labels: {} });
      }
      const current = churn.publish(1);
      for (const slot of current.live) attempts.count(recordOf({ snapshot: current, destination: [slot] }));
    }
    const lines = await linesOf(registry);
    expect(lines.length).toBeLessThanOrEqual(10_000);
    expect(lines.filter((line) => line.includes('endpoint_name="r2-'))).toHaveLength(4_000);
    expect(lines.filter((line) => line.includes('target_model_name="other"'))).toEqual([]);
  });

  it("beyond the room for endpoints that are all there are counted together", async () => {
    const { registry, attempts } = open();
    const large = createEndpointTable({ epoch: 1 });
    for (let i = 0; i < 20; i++) large.upsert({ id: `e${i}`, address: `10.0.0.1:${8000 + i}`, labels: {} });
    const current = large.publish(1);
    for (let model = 0; model < 600; model++) {
      for (const slot of current.live) {
        attempts.count(recordOf({ snapshot: current, destination: [slot], facts: { model: `m${model}` } }));
      }
    }
    const lines = await linesOf(registry);
    expect(lines).toHaveLength(10_001);
    expect(lines.at(-1)).toBe(
      'llm_d_epp_scheduler_attempts_total{status="success",target_model_name="other",endpoint_name="",namespace="",port=""} 2000',
    );
  });

  it("at an endpoint that has moved to another address are one series", async () => {
    const { registry, attempts } = open();
    const moving = createEndpointTable({ epoch: 1 });
    for (const address of ["10.0.0.1:8000", "10.0.0.2:8000"]) {
      moving.upsert({ id: "e", address, labels: {} });
      attempts.count(recordOf({ snapshot: moving.publish(1), destination: [0] }));
    }
    expect(await linesOf(registry)).toEqual([
      'llm_d_epp_scheduler_attempts_total{status="success",target_model_name="m",endpoint_name="e",namespace="",port="8000"} 2',
    ]);
  });
});
