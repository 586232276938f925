import type { SaturationDetector, Screener } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { openReference, type ReferenceOptions } from "./fixtures/open-reference.ts";

interface Load {
  readonly waiting?: number;
  readonly running?: number;
  readonly kvCache?: number;
  readonly isReady?: boolean;
  readonly role?: string;
}

function open(loads: readonly Load[], options: ReferenceOptions = {}) {
  const opened = openReference(options);
  const { table } = opened;
  for (const [i, { waiting, running, kvCache, isReady = true, role }] of loads.entries()) {
    const labels = role === undefined ? {} : { "llm-d.ai/role": role };
    const slot = table.upsert({ id: `ns/e${i}`, address: `10.0.0.1:${8000 + i}`, labels });
    table.setReady(slot, isReady);
    table.setValue(slot, "waiting_requests", waiting ?? Number.NaN, 1_000);
    table.setValue(slot, "running_requests", running ?? Number.NaN, 1_000);
    table.setValue(slot, "kv_cache_usage", kvCache ?? Number.NaN, 1_000);
  }
  table.publish(1_000);
  return opened;
}

describe("the pool", () => {
  const loads = [
    { waiting: 2, running: 1, kvCache: 0.25 },
    { waiting: 4, running: 3, kvCache: 0.75 },
    { waiting: 100, running: 100, kvCache: 1, isReady: false },
  ];
  const cases = [
    {
      title: "the mean share of the KV cache",
      starts: ["llm_d_epp_average_kv", "inference_pool_average_kv"],
      want: 0.5,
    },
    { title: "the mean queue", starts: ["llm_d_epp_average_queue", "inference_pool_average_queue"], want: 3 },
    {
      title: "the mean of running requests",
      starts: ["llm_d_epp_average_running", "inference_pool_average_running"],
      want: 2,
    },
    { title: "how far the KV caches lie apart", starts: ["llm_d_epp_std_dev_kv"], want: 0.25 },
    { title: "how far the queues lie apart", starts: ["llm_d_epp_std_dev_queue"], want: 1 },
    { title: "how far running requests lie apart", starts: ["llm_d_epp_std_dev_running"], want: 1 },
    { title: "its ready endpoints", starts: ["llm_d_epp_ready_endpoints", "inference_pool_ready_pods"], want: 2 },
  ];
  for (const { title, starts, want } of cases) {
    it(`has ${title}, of those that take requests`, async () => {
      const lines = await open(loads).linesOf(...starts);
      expect(lines.map((line) => line.slice(line.indexOf("{")))).toEqual(starts.map(() => `{name="pool"} ${want}`));
    });
  }

  it("has the queue of each endpoint that takes requests", async () => {
    const { linesOf } = open(loads);
    expect(await linesOf("llm_d_epp_per_endpoint", "inference_pool_per_pod")).toEqual([
      'llm_d_epp_per_endpoint_queue_size{name="pool",model_server_endpoint="e0"} 2',
      'llm_d_epp_per_endpoint_queue_size{name="pool",model_server_endpoint="e1"} 4',
      'inference_pool_per_pod_queue_size{name="pool",model_server_pod="e0"} 2',
      'inference_pool_per_pod_queue_size{name="pool",model_server_pod="e1"} 4',
    ]);
  });

  it("takes no endpoint for idle of which nothing is known", async () => {
    const { linesOf } = open([{ waiting: 6 }, {}]);
    expect(await linesOf("llm_d_epp_average_queue", "llm_d_epp_average_kv", "llm_d_epp_per_endpoint")).toEqual([
      'llm_d_epp_average_queue_size{name="pool"} 6',
      'llm_d_epp_per_endpoint_queue_size{name="pool",model_server_endpoint="e0"} 6',
    ]);
  });

  it("is read anew at each scrape", async () => {
    const { linesOf, table } = open([{ waiting: 1 }]);
    table.setValue(0, "waiting_requests", 5, 2_000);
    table.publish(2_000);
    expect(await linesOf("llm_d_epp_average_queue")).toEqual(['llm_d_epp_average_queue_size{name="pool"} 5']);
  });
});

describe("saturation", () => {
  const detector: SaturationDetector = {
    name: "d",
    type: "t",
    saturation: ({ slots }) => slots.length / 4,
    isStale: (_, slot) => slot === 1,
  };

  it("is told by stage, and of endpoints too old to count", async () => {
    const loads = [{ role: "prefill" }, { role: "decode" }, { role: "decode" }, { isReady: false }];
    const { linesOf } = open(loads, { rules: { detector } });
    expect(await linesOf("llm_d_epp_flow_control")).toEqual([
      'llm_d_epp_flow_control_pool_saturation{inference_pool="pool",stage="prefill"} 0.25',
      'llm_d_epp_flow_control_pool_saturation{inference_pool="pool",stage="decode"} 0.5',
      'llm_d_epp_flow_control_pool_saturation{inference_pool="pool",stage="effective"} 0.5',
      'llm_d_epp_flow_control_stale_endpoints{detector="d"} 1',
    ]);
    expect(await linesOf("inference_extension_flow_control")).toHaveLength(3);
  });

  it("names nothing stale by a detector that reads no measurements", async () => {
    const { isStale, ...blind } = detector;
    expect(isStale).toBeDefined();
    expect(await open([{}], { rules: { detector: blind } }).linesOf("llm_d_epp_flow_control_stale")).toEqual([]);
  });
});

it("tells what is in flight at each endpoint", async () => {
  const { linesOf, table } = open([{}, { isReady: false }]);
  table.inflight.requests[1] = 2;
  table.inflight.promptTokens[1] = 40;
  const producer = 'producer_name="inflight-load-producer"';
  expect(await linesOf("llm_d_epp_inflight")).toEqual([
    `llm_d_epp_inflight_requests{endpoint_name="e0",namespace="ns",${producer}} 0`,
    `llm_d_epp_inflight_requests{endpoint_name="e1",namespace="ns",${producer}} 2`,
    `llm_d_epp_inflight_tokens{endpoint_name="e0",namespace="ns",${producer}} 0`,
    `llm_d_epp_inflight_tokens{endpoint_name="e1",namespace="ns",${producer}} 40`,
  ]);
});

it("tells what pages of endpoints came to nothing", async () => {
  const faults = { metrics: { unfetched: 3, unread: 1 }, models: { unfetched: 0, unread: 2 } };
  const { linesOf } = openReference({ faults });
  expect(await linesOf("llm_d_epp_datalayer", "llm_d_inference_scheduler_datalayer_poll")).toEqual([
    'llm_d_epp_datalayer_poll_errors_total{source_type="metrics-data-source"} 3',
    'llm_d_epp_datalayer_poll_errors_total{source_type="models-data-source"} 0',
    'llm_d_inference_scheduler_datalayer_poll_errors_total{source_type="metrics-data-source"} 3',
    'llm_d_inference_scheduler_datalayer_poll_errors_total{source_type="models-data-source"} 0',
    'llm_d_epp_datalayer_extract_errors_total{source_type="metrics-data-source",extractor_type="core-metrics-extractor"} 1',
    'llm_d_epp_datalayer_extract_errors_total{source_type="models-data-source",extractor_type="models-data-extractor"} 2',
  ]);
});

it("tells what screeners tell of rollouts", async () => {
  const screener: Screener = {
    name: "s",
    type: "st",
    screen: ({ candidates }) => candidates,
    figures: () => [
      { kind: "counter", name: "disaggregatedset_strict_header_no_match", labels: { selector: "x" }, value: 4 },
      {
        kind: "gauge",
        name: "disaggregatedset_revision_gating_share",
        labels: { mode: "sum", revision: "r" },
        value: 0.5,
      },
    ],
  };
  const { linesOf } = openReference({ rules: { screeners: [screener] } });
  expect(await linesOf("llm_d_epp_disaggregatedset")).toEqual([
    'llm_d_epp_disaggregatedset_strict_header_no_match_total{plugin_name="s",plugin_type="st",selector="x"} 4',
    'llm_d_epp_disaggregatedset_revision_gating_share{plugin_name="s",plugin_type="st",mode="sum",revision="r"} 0.5',
  ]);
});

it("tells the version", async () => {
  const { linesOf } = openReference();
  expect(await linesOf("llm_d_epp_info", "inference_extension_info")).toEqual([
    'llm_d_epp_info{commit="",build_ref="1.2.3"} 1',
    'inference_extension_info{commit="",build_ref="1.2.3"} 1',
  ]);
});
