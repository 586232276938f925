import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHistogram } from "./histogram.ts";
import { createLoraFamily } from "./lora.ts";
import { createMetricsPage, type LiveValue, liveValues } from "./page.ts";
import { toMetricValue } from "./value.ts";

const constants = { model: "qwen3-32b", created: "1.5e+09", block_size: "16", blocks: "100", kv_tokens: "1600" };

describe("toMetricValue writes as Prometheus' Python client", () => {
  const cases = [
    { value: 0, want: "0.0" },
    { value: 5, want: "5.0" },
    { value: 0.4242424242424242, want: "0.4242424242424242" },
    { value: 999_999, want: "999999.0" },
    { value: 1_000_000, want: "1e+06" },
    { value: 5_300_248_576, want: "5.300248576e+09" },
    { value: 1795356720.3116457, want: "1.7953567203116457e+09" },
    { value: Number.NaN, want: "NaN" },
    { value: Number.POSITIVE_INFINITY, want: "+Inf" },
  ];
  for (const { value, want } of cases) it(want, () => expect(toMetricValue(value)).toBe(want));
});

describe("a histogram", () => {
  const lines = ['h_bucket{le="1.0"} 9', 'h_bucket{le="2.5"} 9', 'h_bucket{le="+Inf"} 9', "h_count 9", "h_sum 9"];

  it("refuses lines that are no buckets", () => expect(() => createHistogram(["a 1", "b 1", "c 1"])).toThrow(/a /));

  it("starts at zero", () => {
    const zero = 'h_bucket{le="1.0"} 0.0\nh_bucket{le="2.5"} 0.0\nh_bucket{le="+Inf"} 0.0\nh_count 0.0\nh_sum 0.0\n';
    expect(render(createHistogram(lines))).toBe(zero);
  });

  it("says the same however often it is rendered in between", () => {
    const values = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 150 }), fc.boolean()));
    fc.assert(
      fc.property(values, (observations) => {
        const histogram = createHistogram(lines);
        for (const [value, times, look] of observations) {
          histogram.observe(value, times);
          if (look) render(histogram);
        }
        const upTo = (bound: number) =>
          observations.reduce((sum, [value, times]) => sum + (value <= bound ? times : 0), 0);
        const total = observations.reduce((sum, [value, times]) => sum + value * times, 0);
        const counts = [upTo(1), upTo(2.5), upTo(9), upTo(9), total];
        const want = lines.map((line, i) => `${line.slice(0, -1)}${toMetricValue(counts[i])}\n`).join("");
        expect(render(histogram)).toBe(want);
      }),
    );
  });

  function render(histogram: ReturnType<typeof createHistogram>): string {
    const page = Buffer.alloc(histogram.maxBytes);
    return page.toString("latin1", 0, histogram.render(page, 0));
  }
});

describe("the metrics page", () => {
  it("refuses a template name without a value, and a histogram it does not have", () => {
    expect(() => createMetricsPage({ model: "m" }, [])).toThrow(/name without a value: \$created/);
    expect(() => createMetricsPage(constants, ["vllm:nothing"])).toThrow(/no histogram vllm:nothing/);
  });

  it("has the size and the families of a real one", () => {
    const page = renderPage({}, "# HELP vllm:lora_requests_info x\n# TYPE vllm:lora_requests_info gauge\n");
    expect(page.match(/^# TYPE /gm)).toHaveLength(93);
    expect(page.length).toBeGreaterThan(50_000);
    expect(page).not.toContain("$");
  });

  it("is well formed in every line", () => {
    for (const line of renderPage({}, "").trimEnd().split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z0-9_:]+ .*|[a-z0-9_:]+(\{([a-zA-Z_]+="[^"\\]*",?)+\})? [-+.0-9eE]+)$/);
    }
  });

  it("tells the live values", () => {
    const page = renderPage({ running: 2, waiting: 3, kv_usage: 0.25, queried_tokens: 40, cached_tokens: 16 }, "");
    expect(page).toContain('vllm:num_requests_running{engine="0",model_name="qwen3-32b"} 2.0\n');
    expect(page).toContain('vllm:num_requests_waiting{engine="0",model_name="qwen3-32b"} 3.0\n');
    expect(page).toContain('vllm:kv_cache_usage_perc{engine="0",model_name="qwen3-32b"} 0.25\n');
    expect(page).toContain('vllm:prefix_cache_queries_total{engine="0",model_name="qwen3-32b"} 40.0\n');
    expect(page).toContain('vllm:prefix_cache_hits_total{engine="0",model_name="qwen3-32b"} 16.0\n');
    expect(page).toMatch(/cache_config_info\{.*,block_size="16",.*num_gpu_blocks="100",/);
  });

  it("tells the histograms it is given", () => {
    const page = createMetricsPage(constants, ["vllm:time_to_first_token_seconds"]);
    page.histograms.get("vllm:time_to_first_token_seconds")!.observe(0.3);
    expect(toText(page, {}, "")).toContain(
      'first_token_seconds_bucket{engine="0",le="0.5",model_name="qwen3-32b"} 1.0\n',
    );
    expect(toText(page, {}, "")).toContain('first_token_seconds_sum{engine="0",model_name="qwen3-32b"} 0.3\n');
  });

  function renderPage(live: Partial<Record<LiveValue, number>>, lora: string): string {
    return toText(createMetricsPage(constants, []), live, lora);
  }

  function toText(page: ReturnType<typeof createMetricsPage>, live: Partial<Record<LiveValue, number>>, lora: string) {
    const zeros = Object.fromEntries(liveValues.map((name) => [name, 0])) as Record<LiveValue, number>;
    const buffer = Buffer.alloc(page.maxBytes + lora.length);
    return buffer.toString("latin1", 0, page.render(buffer, { ...zeros, ...live }, lora));
  }
});

describe("vllm:lora_requests_info", () => {
  it("is absent until an adapter is asked for, and keeps old series", () => {
    const family = createLoraFamily(2);
    expect(family.render([], [], 1)).toBe("");
    family.render(["a"], [], 2);
    const last = family.render(["a", "b"], ["c"], 3);
    expect(last.split("\n").slice(2, 4)).toEqual([
      'vllm:lora_requests_info{max_lora="2",running_lora_adapters="a",waiting_lora_adapters=""} 2.0',
      'vllm:lora_requests_info{max_lora="2",running_lora_adapters="a,b",waiting_lora_adapters="c"} 3.0',
    ]);
  });
});
