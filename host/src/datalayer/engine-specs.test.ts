import { describe, expect, it } from "vitest";
import { createEngineChoice } from "./choose-engine.ts";
import { type EngineSpec, scrapedColumns } from "./engine-spec.ts";
import { builtInEngines } from "./engine-specs.ts";
import { createMetricsParser } from "./metrics-parser.ts";
import { defaultDataLayer } from "./settings.ts";

const unknown = Number.NaN;

function read(engine: string, page: string): Record<string, unknown> {
  const spec = builtInEngines.find((each) => each.engine === engine)!;
  return readBy(spec, page);
}

function readBy(spec: EngineSpec, text: string): Record<string, unknown> {
  const { columns, parse } = createMetricsParser(spec);
  const page = parse(Buffer.from(text));
  return { ...Object.fromEntries(columns.map((key, i) => [key, page.values[i]])), unreadable: page.unreadable };
}

const pages = [
  {
    engine: "sglang",
    title: "sums the engines of one server",
    page: `process_start_time_seconds 5
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{engine_type="unified",model_name="m",dp_rank="0"} 3.0
sglang:num_running_reqs{engine_type="unified",model_name="m",dp_rank="1"} 4.0
sglang:num_queue_reqs{model_name="m",dp_rank="0"} 1.0
sglang:num_queue_reqs{model_name="m",dp_rank="1"} 1.0
sglang:token_usage{model_name="m",dp_rank="0"} 0.5
sglang:token_usage{model_name="m",dp_rank="1"} 0.25
sglang:cache_config_info{page_size="16",num_pages="100",dp_rank="0"} 1.0
sglang:cache_config_info{page_size="16",num_pages="100",dp_rank="1"} 1.0
`,
    want: {
      running_requests: 7,
      waiting_requests: 2,
      kv_cache_usage: 0.375,
      kv_block_tokens: 16,
      kv_total_blocks: 200,
    },
  },
  {
    engine: "sglang",
    title: "takes the sizes of the cache from gauges too",
    page: "sglang:num_queue_reqs 1\nsglang:page_size 64\nsglang:num_pages 10\n",
    want: { waiting_requests: 1, kv_block_tokens: 64, kv_total_blocks: 10 },
  },
  {
    engine: "trtllm-serve",
    title: "is read",
    page: `trtllm_num_requests_waiting 2
trtllm_num_requests_running 9
trtllm_kv_cache_utilization 0.75
trtllm_kv_cache_tokens_per_block 32
trtllm_kv_cache_max_blocks 1000
`,
    want: {
      running_requests: 9,
      waiting_requests: 2,
      kv_cache_usage: 0.75,
      kv_block_tokens: 32,
      kv_total_blocks: 1000,
    },
  },
  {
    engine: "triton-tensorrt-llm",
    title: "tells the measurements of one family apart by their label",
    page: `nv_trt_llm_request_metrics{model="t",request_type="waiting",version="1"} 2
nv_trt_llm_request_metrics{model="t",request_type="context",version="1"} 50
nv_trt_llm_request_metrics{model="t",request_type="scheduled",version="1"} 5
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",model="t"} 0.5
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per",model="t"} 64
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="used",model="t"} 77
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max",model="t"} 500
`,
    want: { running_requests: 5, waiting_requests: 2, kv_cache_usage: 0.5, kv_block_tokens: 64, kv_total_blocks: 500 },
  },
  {
    engine: "triton",
    title: "sums its models, and takes no count of executions for running requests",
    page: `# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{model="a",version="1"} 2
nv_inference_pending_request_count{model="b",version="1"} 3
# TYPE nv_inference_exec_count counter
nv_inference_exec_count{model="a",version="1"} 123456
`,
    want: { waiting_requests: 5 },
    lacks: "running_requests",
  },
];

describe("a page of a built-in engine", () => {
  for (const { engine, title, page, want, lacks = "" } of pages) {
    it(`${title}: ${engine}`, () => {
      expect(read(engine, page)).toMatchObject(want);
      expect(Object.keys(read(engine, page))).not.toContain(lacks);
    });
  }

  it("is found by memory as by walking it", () => {
    const { columns, parse } = createMetricsParser(builtInEngines[3]!);
    const page = (waiting: number) =>
      Buffer.from(pages[3]!.page.replace('"waiting",version="1"} 2', `"waiting",version="1"} ${waiting}`));
    for (let waiting = 0; waiting < 40; waiting++) {
      const { values } = parse(page(waiting));
      expect([values[columns.indexOf("waiting_requests")], values[columns.indexOf("running_requests")]]).toEqual([
        waiting,
        5,
      ]);
    }
  });
});

describe("an engine of the configuration", () => {
  const gauge = (more: object = {}): EngineSpec => ({
    engine: "mine",
    series: [{ kind: "gauge", metric: "depth", column: "waiting_requests", combine: "sum", ...more }],
  });

  const counters = [
    { title: "in the older format", page: "# HELP depth d\n# TYPE depth counter\ndepth 12\n" },
    { title: "with Windows' line ends", page: "# TYPE depth counter\r\ndepth 12\r\n" },
    { title: "with labels", page: '# TYPE depth counter\ndepth{a="b"} 12\n' },
  ];
  for (const { title, page } of counters) {
    it(`is not misled by a counter ${title}`, () => {
      expect(readBy(gauge(), page)).toMatchObject({ waiting_requests: unknown, unreadable: 1 });
      expect(readBy(gauge({ takesCounter: true }), page)).toMatchObject({ waiting_requests: 12, unreadable: 0 });
    });
  }

  it("takes a gauge behind a counter for what it is", () => {
    const page = "# TYPE other counter\nother 12\n# TYPE depth gauge\ndepth 3\n";
    expect(readBy(gauge(), page)).toMatchObject({ waiting_requests: 3, unreadable: 0 });
  });

  const combinations = [
    { combine: "sum", want: 9 },
    { combine: "mean", want: 4.5 },
    { combine: "max", want: 7 },
    { combine: "first", want: 2 },
  ];
  for (const { combine, want } of combinations) {
    it(`makes one value of several series: ${combine}`, () => {
      expect(readBy(gauge({ combine }), 'depth{e="0"} 2\ndepth{e="1"} 7\n')).toMatchObject({ waiting_requests: want });
    });
  }

  it("reads only the series that match all labels", () => {
    const page =
      'depth{tier="gold",zone="a"} 2\ndepth{tier="gold",zone="b"} 3\ndepth{tier="lead",zone="a"} 4\ndepth 5\n';
    expect(readBy(gauge({ match: { tier: "gold", zone: "b" } }), page)).toMatchObject({ waiting_requests: 3 });
    expect(readBy(gauge({ match: { tier: "none" } }), page)).toMatchObject({ waiting_requests: unknown });
  });
});

describe("the engine of an endpoint", () => {
  const mine: EngineSpec = { engine: "vllm", series: [{ kind: "counter", metric: "x" }] };
  const choose = createEngineChoice({ ...defaultDataLayer.engines, defaultEngine: "sglang" });

  const cases = [
    { title: "is the default without a label", labels: {}, want: "sglang" },
    { title: "is what its label says", labels: { "llm-d.ai/engine-type": "triton" }, want: "triton" },
    {
      title: "may be named by the older label",
      labels: { "inference.networking.k8s.io/engine-type": "vllm" },
      want: "vllm",
    },
    {
      title: "is what the newer of both labels says",
      labels: { "llm-d.ai/engine-type": "triton", "inference.networking.k8s.io/engine-type": "vllm" },
      want: "triton",
    },
    { title: "is the default where the label is empty", labels: { "llm-d.ai/engine-type": "" }, want: "sglang" },
  ];
  for (const { title, labels, want } of cases) {
    it(title, () => expect(choose(labels)).toMatchObject({ spec: { engine: want }, unknown: "" }));
  }

  it("is the default where nobody knows what its label says, which is told", () => {
    const labels = { "llm-d.ai/engine-type": "abacus" };
    expect(choose(labels)).toMatchObject({ spec: { engine: "sglang" }, unknown: "abacus" });
  });

  it("is read by the configuration's names where it has a built-in one's", () => {
    const { spec } = createEngineChoice({ ...defaultDataLayer.engines, engines: [mine] })({});
    expect(spec).toBe(mine);
  });

  it("fills no column twice", () => {
    for (const spec of builtInEngines) expect(new Set(scrapedColumns(spec)).size).toBe(scrapedColumns(spec).length);
  });
});
