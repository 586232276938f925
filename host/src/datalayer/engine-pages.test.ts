import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { builtInEngines } from "./engine-specs.ts";
import { createMetricsParser } from "./metrics-parser.ts";

const unknown = Number.NaN;
type Engine = "sglang" | "trtllm-serve" | "triton-tensorrt-llm" | "triton";

const pageOf = (engine: Engine) =>
  readFileSync(new URL(`fixtures/pages/${engine}.txt`, import.meta.url), "utf8").replaceAll("\r", "");

function read(engine: Engine, page: string) {
  const { columns, parse } = createMetricsParser(builtInEngines.find((each) => each.engine === engine)!);
  const found = parse(Buffer.from(page));
  const values = Object.fromEntries(columns.map((key, i) => [key as string, found.values[i]!]));
  return { ...values, sets: found.sets, unreadable: found.unreadable, startedAtS: found.startedAtS };
}

const whole = [
  {
    engine: "sglang",
    title: "sums the ranks of one server, and the means of shares",
    want: {
      running_requests: 200,
      waiting_requests: 2830,
      kv_cache_usage: (0.28 + 0.14) / 2,
      kv_block_tokens: 16,
      kv_total_blocks: 27_648,
      "rate.prompt_tokens": 8_128_902,
      "rate.output_tokens": 7_557_572,
      sets: { models: ["meta-llama/Llama-3.1-8B-Instruct"] },
    },
  },
  {
    engine: "trtllm-serve",
    title: "is not misled by families that begin alike",
    want: {
      running_requests: 12,
      waiting_requests: 3,
      kv_cache_usage: 0.4375,
      kv_block_tokens: 32,
      kv_total_blocks: 9_217,
      startedAtS: 1_795_356_720.3,
    },
  },
  {
    engine: "triton-tensorrt-llm",
    title: "reads what runs and waits, and no limits or sums of them",
    want: {
      running_requests: 17,
      waiting_requests: 5,
      kv_cache_usage: 0.125,
      kv_block_tokens: 64,
      kv_total_blocks: 6_247,
    },
  },
  { engine: "triton", title: "sums the queues of its models", want: { waiting_requests: 8 } },
] as const;

describe("a whole page", () => {
  for (const { engine, title, want } of whole) {
    it(`of ${engine}: ${title}`, () => expect(read(engine, pageOf(engine))).toMatchObject({ ...want, unreadable: 0 }));
  }
});

describe("defect: a counter read as a gauge for triton", () => {
  it("does not take executions since the start for running requests", () => {
    expect(Object.keys(read("triton", pageOf("triton")))).not.toContain("running_requests");
  });
});

describe("defect: several engine series of one server not summed", () => {
  it("counts the requests of all ranks", () => {
    const page = pageOf("sglang").replace('dp_rank="1"} 4.0', 'dp_rank="1"} 0.0');
    expect(read("sglang", page)).toMatchObject({ waiting_requests: 2826 });
    expect(read("sglang", pageOf("sglang"))).toMatchObject({ waiting_requests: 2830 });
  });
});

/** A page of which one line is another. */
const changed = [
  { engine: "sglang", title: "a rank with a negative queue", from: "} 4.0", to: "} -1", key: "waiting_requests" },
  { engine: "sglang", title: "a rank that is not a number", from: "} 4.0", to: "} NaN", key: "waiting_requests" },
  { engine: "sglang", title: "a share above 1", from: "} 0.28", to: "} 28", key: "kv_cache_usage" },
  {
    engine: "sglang",
    title: "a count that is negative",
    from: "} 7.557572e+06",
    to: "} -7",
    key: "rate.output_tokens",
  },
  { engine: "trtllm-serve", title: "an infinite queue", from: "} 3.0", to: "} +Inf", key: "waiting_requests" },
  { engine: "trtllm-serve", title: "a value that is text", from: "} 0.4375", to: "} half", key: "kv_cache_usage" },
  {
    engine: "triton-tensorrt-llm",
    title: "a measurement that is not on the page",
    from: 'request_type="scheduled"',
    to: 'request_type="planned"',
    key: "running_requests",
  },
  {
    engine: "triton",
    title: "a queue that is declared a counter",
    from: "nv_inference_pending_request_count gauge",
    to: "nv_inference_pending_request_count counter",
    key: "waiting_requests",
  },
] as const;

describe("a value is unknown, and no other", () => {
  for (const { engine, title, from, to, key } of changed) {
    it(`${title}: ${engine}`, () => {
      const page = pageOf(engine);
      expect(page).toContain(from);
      const [before, after] = [read(engine, page), read(engine, page.replace(from, to))];
      const values = (of: object) => Object.entries(of).filter(([, value]) => typeof value === "number");
      const others = (of: object) => values(of).filter(([name]) => name !== key && name !== "unreadable");
      expect(after).toMatchObject({ [key]: unknown });
      expect(others(after)).toEqual(others(before));
    });
  }
});

describe("a page of another engine", () => {
  for (const { engine } of whole) {
    for (const other of whole.filter((each) => each.engine !== engine && !isPart(engine, each.engine))) {
      it(`is refused, not read as idle: ${other.engine} for ${engine}`, () => {
        expect(() => read(engine, pageOf(other.engine))).toThrowError(/^no metric of /);
      });
    }
  }
});

/** Triton's own families are on a page of its TensorRT-LLM too. */
function isPart(engine: Engine, other: Engine): boolean {
  return engine === "triton" && other === "triton-tensorrt-llm";
}
