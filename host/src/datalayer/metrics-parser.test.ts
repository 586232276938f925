import { readFileSync } from "node:fs";
import fc from "fast-check";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { describe, expect, it } from "vitest";
import type { EngineSpec } from "./engine-spec.ts";
import { vllmSpec } from "./engine-specs.ts";
import { createMetricsParser, type MetricsParser, type ScrapedPage } from "./metrics-parser.ts";

const realPage = readFileSync(new URL("fixtures/vllm-metrics.txt", import.meta.url));

describe("a page that is not as it should be", () => {
  const foreign = [
    { title: "HTML", page: "<!DOCTYPE html><html><body>vllm:num_requests_waiting 3</body></html>\n" },
    { title: "nothing", page: "" },
    { title: "JSON", page: '{"error":"vllm:num_requests_running 3"}' },
    { title: "another engine's", page: "process_start_time_seconds 3\nsglang:num_queue_reqs 3\n" },
    { title: "a name inside of a comment", page: "# vllm:num_requests_waiting 3\n" },
    { title: "a name that only starts so", page: 'vllm:num_requests_waiting_by_reason{reason="capacity"} 3\n' },
  ];
  for (const { title, page } of foreign) {
    it(`is refused: ${title}`, () => {
      expect(() => read(page)).toThrow(expect.objectContaining({ code: "METRICS_INVALID" }));
    });
  }

  it("is named by how it opens", () => {
    expect(() => read("<html>\n<b>502</b>")).toThrow(
      'no metric of vllm among 17 bytes that open with "<html> <b>502</b>"',
    );
  });

  const unknown = [
    { title: "NaN", line: "vllm:num_requests_waiting NaN", unreadable: 0 },
    { title: "+Inf", line: "vllm:num_requests_waiting +Inf", unreadable: 0 },
    { title: "a negative count", line: "vllm:num_requests_waiting -1", unreadable: 0 },
    { title: "half a line", line: 'vllm:num_requests_waiting{engine="0",model_na', unreadable: 1 },
    { title: "no value", line: 'vllm:num_requests_waiting{engine="0"}', unreadable: 1 },
    { title: "a word", line: "vllm:num_requests_waiting many", unreadable: 1 },
    { title: "a hexadecimal number", line: "vllm:num_requests_waiting 0x10", unreadable: 1 },
    { title: "a number with two dots", line: "vllm:num_requests_waiting 1.2.3", unreadable: 1 },
    { title: "a lone sign", line: "vllm:num_requests_waiting -", unreadable: 1 },
    {
      title: "one of two engines",
      line: 'vllm:num_requests_waiting{engine="0"} 2\nvllm:num_requests_waiting{engine="1"} NaN',
      unreadable: 0,
    },
    { title: "labels of 70 kB", line: `vllm:num_requests_waiting{a="${"x".repeat(70_000)}"} 2`, unreadable: 1 },
  ];
  for (const { title, line, unreadable } of unknown) {
    it(`leaves a value unknown: ${title}`, () => {
      const page = read(`vllm:num_requests_running 4\n${line}\n`);
      expect(page).toMatchObject({ running_requests: 4, waiting_requests: Number.NaN, unreadable });
    });
  }

  it("leaves a KV-cache use above 1 unknown", () => {
    expect(read("vllm:kv_cache_usage_perc 42.5\n").kv_cache_usage).toBeNaN();
    expect(read("vllm:kv_cache_usage_perc 1\n").kv_cache_usage).toBe(1);
  });

  it("leaves the KV cache unknown where its labels are no counts", () => {
    const page = read('vllm:cache_config_info{block_size="None",num_gpu_blocks="-3"} 1.0\n');
    expect(page).toMatchObject({ kv_block_tokens: Number.NaN, kv_total_blocks: Number.NaN });
  });

  it("never throws anything but METRICS_INVALID", () => {
    const { parse } = createMetricsParser(vllmSpec);
    const piece = fc.oneof(
      fc.constantFrom(...vllmSpec.series.map(({ metric }) => metric)),
      fc.constantFrom("{", "}", '"', "\\", "\n", " ", ",", "=", "#", "1.5e9", "NaN", 'max_lora="2"', 'block_size="16"'),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        expectCodedThrow(() => parse(Buffer.from(pieces.join(""))));
      }),
      { numRuns: 500 },
    );
  });

  it("never throws anything but METRICS_INVALID on a real page with bytes changed and the end cut", () => {
    const { parse } = createMetricsParser(vllmSpec);
    const edits = fc.array(fc.tuple(fc.nat(realPage.length - 1), fc.nat(255)), { maxLength: 200 });
    fc.assert(
      fc.property(edits, fc.nat(realPage.length), (changes, length) => {
        const page = Buffer.from(realPage);
        for (const [at, byte] of changes) page[at] = byte;
        expectCodedThrow(() => parse(page.subarray(0, length)));
      }),
      { numRuns: 200 },
    );
  });
});

describe("a page of vLLM", () => {
  it("gives what a library reads on it", () => {
    const families = parsePrometheusTextFormat(realPage.toString());
    const samples = (name: string) => families.find((family) => family.name === name)!.metrics;
    const value = (name: string) => Number(samples(name)[0].value);
    const { block_size, num_gpu_blocks } = samples("vllm:cache_config_info")[0].labels!;
    const live = samples("vllm:lora_requests_info").toSorted((a, b) => Number(b.value) - Number(a.value))[0].labels!;
    expect(toObject(createMetricsParser(vllmSpec), realPage)).toEqual({
      running_requests: value("vllm:num_requests_running"),
      waiting_requests: value("vllm:num_requests_waiting"),
      "rate.prompt_tokens": Number(
        samples("vllm:prompt_tokens_by_source_total").find(({ labels }) => labels?.source === "local_compute")?.value,
      ),
      "rate.output_tokens": value("vllm:generation_tokens_total"),
      kv_cache_usage: value("vllm:kv_cache_usage_perc"),
      kv_block_tokens: Number(block_size),
      kv_total_blocks: Number(num_gpu_blocks),
      max_adapters: Number(live.max_lora),
      startedAtS: value("process_start_time_seconds"),
      counter: value("vllm:prompt_tokens_total"),
      sets: {
        models: [samples("vllm:num_requests_running")[0].labels!.model_name],
        adapters_running: [live.running_lora_adapters],
        adapters_waiting: [live.waiting_lora_adapters],
      },
      unreadable: 0,
    });
  });

  const forms = [
    { title: "without labels", line: "vllm:num_requests_waiting 7", want: 7 },
    { title: "with a timestamp", line: 'vllm:num_requests_waiting{a="b"} 7 1395066363000', want: 7 },
    { title: "with an exemplar", line: 'vllm:num_requests_waiting{a="b"} 7 # {id="x"} 1', want: 7 },
    { title: "with blanks and tabs", line: 'vllm:num_requests_waiting \t{ a = "b" }\t 7 ', want: 7 },
    { title: "with a brace in a label", line: 'vllm:num_requests_waiting{a="}\\"}"} 7', want: 7 },
    { title: "with an exponent", line: "vllm:num_requests_waiting 1.7953567203116457e+09", want: 1795356720.3116457 },
    { title: "with many digits", line: "vllm:num_requests_waiting 0.1234567890123456", want: 0.1234567890123456 },
    { title: "with a plus sign", line: "vllm:num_requests_waiting +7.25", want: 7.25 },
    { title: "with a carriage return", line: "vllm:num_requests_waiting 7\r", want: 7 },
    { title: "without an integer part", line: "vllm:num_requests_waiting .5", want: 0.5 },
  ];
  for (const { title, line, want } of forms) {
    it(`is read ${title}`, () => expect(read(`# x\n${line}\n# EOF\n`).waiting_requests).toBe(want));
  }

  it("is read without a newline at its end", () => {
    expect(read("vllm:num_requests_running 1\nvllm:num_requests_waiting 7").waiting_requests).toBe(7);
  });

  it("sums its engines and averages their KV-cache use", () => {
    const page = read(
      [0, 1]
        .flatMap((engine) => [
          `vllm:num_requests_waiting{engine="${engine}",model_name="m"} ${3 + engine}`,
          `vllm:num_requests_running{engine="${engine}",model_name="m"} ${1 + engine}`,
          `vllm:kv_cache_usage_perc{engine="${engine}"} ${engine / 2}`,
          `vllm:cache_config_info{engine="${engine}",block_size="16",num_gpu_blocks="${100 + engine}"} 1.0`,
        ])
        .join("\n"),
    );
    expect(page).toMatchObject({
      waiting_requests: 7,
      running_requests: 3,
      kv_cache_usage: 0.25,
      kv_block_tokens: 16,
      kv_total_blocks: 201,
      sets: { models: ["m"] },
    });
  });

  it("takes adapters from the series with the largest value, whatever the order", () => {
    const page = read(
      [
        'vllm:lora_requests_info{max_lora="4",running_lora_adapters="b, a",waiting_lora_adapters="c\\"d"} 1.9e+09',
        'vllm:lora_requests_info{max_lora="2",running_lora_adapters="old",waiting_lora_adapters="old"} 1.8e+09',
      ].join("\n"),
    );
    expect(page.max_adapters).toBe(4);
    expect(page.sets).toEqual({ adapters_running: ["a", "b"], adapters_waiting: ['c"d'] });
  });

  it("reads a new column where the engine's table has a row more", () => {
    const spec: EngineSpec = {
      engine: "vllm",
      series: [
        ...vllmSpec.series,
        {
          kind: "gauge",
          metric: "vllm:num_preemptions_total",
          column: "metric.preemptions",
          combine: "sum",
          takesCounter: true,
        },
      ],
    };
    expect(read(realPage, spec)["metric.preemptions"]).toBe(0);
  });
});

describe("pages in a row", () => {
  it("keeps the sets the same object while their labels do not change", () => {
    const parser = createMetricsParser(vllmSpec);
    const { sets } = { ...parser.parse(realPage) };
    expect(parser.parse(realPage.subarray(0)).sets).toBe(sets);
  });

  it("notices adapters that come, change and go", () => {
    const parser = createMetricsParser(vllmSpec);
    const adapters = (lines: string) =>
      parser.parse(Buffer.from(`# ${"x".repeat(lines.length % 2)}\nvllm:num_requests_running 0\n${lines}`)).sets;
    const line = (name: string, at: number) =>
      `vllm:lora_requests_info{max_lora="2",running_lora_adapters="${name}"} ${at}\n`.padStart(400, "\n");
    expect(adapters("").adapters_running).toBeUndefined();
    expect(adapters(line("a", 1)).adapters_running).toEqual(["a"]);
    expect(adapters(line("a", 1) + line("b", 2)).adapters_running).toEqual(["b"]);
    expect(adapters("").adapters_running).toEqual([]);
  });

  it("gives what a fresh parser reads, whatever the pages that jump in length hold", () => {
    const line = fc.record({
      name: fc.constantFrom(...vllmSpec.series.map(({ metric }) => metric), "vllm:other", "# HELP vllm:other"),
      labels: fc.constantFrom(
        "",
        '{engine="0"}',
        '{engine="1",model_name="m"}',
        '{block_size="16",num_gpu_blocks="9"}',
      ),
      value: fc.constantFrom("0", "1.0", "12.5", "1.7953567203116457e+09", "NaN"),
      padding: fc.nat(120),
    });
    const page = fc
      .array(line, { minLength: 1, maxLength: 40 })
      .map((lines) => lines.map((l) => `${"#".repeat(l.padding)}\n${l.name}${l.labels} ${l.value}\n`).join(""));
    const pages = fc.array(fc.tuple(page, fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pages, (sequence) => {
        const parser = createMetricsParser(vllmSpec);
        const texts = sequence.map(([text], i) => `vllm:prompt_tokens_total 0\n${text}#`.padEnd(10_000 + 300 * i, "#"));
        for (const text of sequence.flatMap(([, times], i) => Array.from({ length: times }, () => texts[i]))) {
          const bytes = Buffer.from(text);
          expect(numbers(parser, bytes)).toEqual(numbers(createMetricsParser(vllmSpec), bytes));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("finds values that move by some bytes and grow", () => {
    const parser = createMetricsParser(vllmSpec);
    const text = realPage.toString();
    for (const waiting of [0, 9, 10, 99, 100, 12_345, 3]) {
      const page = text.replace(/^(vllm:num_requests_waiting\{.*\}) .*$/m, `$1 ${waiting}.0`);
      expect(toObject(parser, Buffer.from(page))).toMatchObject({ waiting_requests: waiting, kv_total_blocks: 100 });
    }
  });

  it("finds a family that appears behind a page of the same length within sixteen pages", () => {
    const parser = createMetricsParser(vllmSpec);
    const before = Buffer.from("vllm:num_requests_running 1\n#vllmnum_requests_waiting: 5\n");
    const after = Buffer.from("vllm:num_requests_running 1\nvllm:num_requests_waiting 55\n");
    expect(after.length).toBe(before.length);
    parser.parse(before);
    const seen = Array.from({ length: 17 }, () => toObject(parser, after).waiting_requests);
    expect(seen.at(-1)).toBe(55);
  });

  it("sums a family that a page tears apart, on every page", () => {
    const parser = createMetricsParser(vllmSpec);
    const page = 'vllm:num_requests_waiting{engine="0"} 2\nother 1\nvllm:num_requests_waiting{engine="1"} 3\n';
    for (let i = 0; i < 5; i++) expect(toObject(parser, Buffer.from(page)).waiting_requests).toBe(5);
  });
});

function read(page: string | Buffer, spec: EngineSpec = vllmSpec): Record<string, unknown> {
  return toObject(createMetricsParser(spec), Buffer.from(page));
}

/** A page as an object with its columns by key. */
function toObject(parser: MetricsParser, bytes: Buffer): Record<string, unknown> {
  const { values, startedAtS, counter, sets, unreadable }: ScrapedPage = parser.parse(bytes);
  const columns = Object.fromEntries(parser.columns.map((key, i) => [key, values[i]]));
  return { ...columns, startedAtS, counter, sets, unreadable };
}

/** All but the sets: those of a family that is gone stay empty, a fresh parser has none. */
function numbers(parser: MetricsParser, bytes: Buffer): Record<string, unknown> {
  return { ...toObject(parser, bytes), sets: undefined };
}

function expectCodedThrow(run: () => void): void {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ name: "OutriderError", code: "METRICS_INVALID" });
  }
}
