import { describe, expect, it } from "vitest";
import type { ObservedResponse } from "../../scheduling/observer.ts";
import { refuse } from "../../scheduling/refusals.ts";
import { openReference, someRequest, someResponse } from "./fixtures/open-reference.ts";

const labels = 'model_name="m",target_model_name="t",fairness_id="tenant",priority="2"';

/** Sum and count of a histogram of requests; both 0 where it has no series. */
async function observed(name: string, response: Partial<ObservedResponse>, more = "") {
  const { observer, linesOf } = openReference();
  const answer = { ...someResponse, ...response };
  observer.sent(someRequest, 0);
  if (answer.chunks > 0) observer.firstChunk(someRequest, answer.ttftMs, answer.isStreamed);
  observer.done(someRequest, answer);
  const read = async (part: string) => {
    const [line] = await linesOf(`llm_d_epp_${name}_${part}{${labels}${more}}`);
    return Number(line?.split(" ").at(-1) ?? 0);
  };
  return [Number((await read("sum")).toFixed(9)), await read("count")];
}

describe("a response", () => {
  const streamed = { isStreamed: true, chunks: 5 };
  const cutOff = { cause: "client_cancelled" } as const;
  const cases: readonly {
    readonly title: string;
    readonly name: string;
    readonly response: Partial<ObservedResponse>;
    readonly more?: string;
    readonly want: readonly [sum: number, count: number];
  }[] = [
    { title: "takes as long as it took", name: "request_duration_seconds", response: {}, want: [1, 1] },
    { title: "has no duration where it was cut off", name: "request_duration_seconds", response: cutOff, want: [0, 0] },
    {
      title: "has no duration where nobody saw it",
      name: "request_duration_seconds",
      response: { cause: "unknown", status: 0, chunks: 0, ttftMs: 0 },
      want: [0, 0],
    },
    {
      title: "has a duration where the model server answered with a failure",
      name: "request_duration_seconds",
      response: { cause: "upstream_error", status: 500 },
      want: [1, 1],
    },
    {
      title: "has no duration where the model server broke it off",
      name: "request_duration_seconds",
      response: { cause: "upstream_error" },
      want: [0, 0],
    },
    { title: "has NTPOT = duration ÷ output", name: "request_ntpot_seconds", response: {}, want: [0.2, 1] },
    {
      title: "has no NTPOT where the output is not told",
      name: "request_ntpot_seconds",
      response: { usage: { promptTokens: 30, cachedTokens: 0, outputTokens: 0 } },
      want: [0, 0],
    },
    {
      title: "has TPOT = (duration − TTFT) ÷ (output − 1) where it is streamed",
      name: "request_streaming_tpot_seconds",
      response: streamed,
      want: [0.2, 1],
    },
    {
      title: "has no TPOT where it is not streamed",
      name: "request_streaming_tpot_seconds",
      response: {},
      want: [0, 0],
    },
    {
      title: "has no TPOT of a single token",
      name: "request_streaming_tpot_seconds",
      response: { ...streamed, usage: { promptTokens: 3, cachedTokens: 0, outputTokens: 1 } },
      want: [0, 0],
    },
    {
      title: "has no TPOT where all of it came at once",
      name: "request_streaming_tpot_seconds",
      response: { ...streamed, ttftMs: 1_000 },
      want: [0, 0],
    },
    {
      title: "has TTFT with its first piece",
      name: "request_ttft_seconds",
      response: {},
      more: ',streaming="false"',
      want: [0.2, 1],
    },
    {
      title: "has TTFT though it was cut off",
      name: "request_ttft_seconds",
      response: { ...streamed, ...cutOff },
      more: ',streaming="true"',
      want: [0.2, 1],
    },
    {
      title: "has TTFT once where the gateway reports it",
      name: "request_ttft_seconds",
      response: { chunks: 0 },
      more: ',streaming="false"',
      want: [0.2, 1],
    },
    {
      title: "has no TTFT where no piece came",
      name: "request_ttft_seconds",
      response: { chunks: 0, ttftMs: 0 },
      more: ',streaming="false"',
      want: [0, 0],
    },
    { title: "has a size", name: "response_size_bytes", response: {}, want: [700, 1] },
    {
      title: "has no size where its body was not seen",
      name: "response_size_bytes",
      response: { chunks: 0 },
      want: [0, 0],
    },
    { title: "has the prompt's tokens", name: "request_input_tokens", response: {}, want: [30, 1] },
    { title: "has the cached tokens", name: "request_cached_tokens", response: {}, want: [16, 1] },
    { title: "has the output's tokens", name: "request_output_tokens", response: {}, want: [5, 1] },
    {
      title: "has no tokens where they are not told",
      name: "request_input_tokens",
      response: { usage: { promptTokens: 0, cachedTokens: 0, outputTokens: 0 } },
      want: [0, 0],
    },
  ];
  for (const { title, name, response, more, want } of cases) {
    it(title, async () => expect(await observed(name, response, more)).toEqual(want));
  }

  it("has the gaps between its pieces where it is streamed", async () => {
    const { observer, linesOf } = openReference();
    for (const gapMs of [15, 25]) observer.chunk(someRequest, gapMs, true);
    observer.chunk(someRequest, 1_000, false);
    const [sum, count] = await linesOf(
      "llm_d_epp_request_streaming_itl_seconds_sum",
      "llm_d_epp_request_streaming_itl_seconds_count",
    );
    expect([sum, count]).toEqual([
      `llm_d_epp_request_streaming_itl_seconds_sum{${labels}} 0.04`,
      `llm_d_epp_request_streaming_itl_seconds_count{${labels}} 2`,
    ]);
  });
});

describe("errors", () => {
  const cases: readonly {
    readonly title: string;
    readonly response: Partial<ObservedResponse>;
    readonly want: number;
  }[] = [
    { title: "are not those that went well", response: {}, want: 0 },
    { title: "are not those whose client left", response: { cause: "client_cancelled" }, want: 0 },
    { title: "are not those that nobody saw", response: { cause: "unknown", status: 0 }, want: 0 },
    { title: "are those of the model server", response: { cause: "upstream_error", status: 503 }, want: 1 },
    { title: "are those of the client that the model server found", response: { status: 404 }, want: 1 },
    { title: "are those that broke off", response: { cause: "upstream_error", status: 200 }, want: 1 },
  ];
  for (const { title, response, want } of cases) {
    it(title, async () => {
      const { observer, linesOf } = openReference();
      observer.sent(someRequest, 0);
      observer.done(someRequest, { ...someResponse, ...response });
      const line = `llm_d_epp_request_error_total{${labels},error_code="ModelServerError"} 1`;
      expect(await linesOf("llm_d_epp_request_error_total")).toEqual(want === 1 ? [line] : []);
    });
  }

  it("are refusals, by their code, which are no requests sent", async () => {
    const { observer, linesOf } = openReference();
    observer.refused(someRequest, refuse("ServiceUnavailable", "none"), 3);
    expect(await linesOf("llm_d_epp_request_error_total", "llm_d_epp_request_total")).toEqual([
      `llm_d_epp_request_error_total{${labels},error_code="ServiceUnavailable"} 1`,
    ]);
    expect(await linesOf("llm_d_epp_request_processing_duration_seconds_sum")).toEqual([
      "llm_d_epp_request_processing_duration_seconds_sum 0.003",
    ]);
  });
});

it("counts requests as running until they are done", async () => {
  const { observer, linesOf } = openReference();
  for (let i = 0; i < 3; i++) observer.sent(someRequest, 0.25);
  observer.done(someRequest, { ...someResponse, cause: "never_sent" });
  expect(
    await linesOf("llm_d_epp_request_running", "llm_d_epp_request_total", "inference_objective_running_requests"),
  ).toEqual([
    `llm_d_epp_request_total{${labels}} 3`,
    `llm_d_epp_request_running{${labels}} 2`,
    'inference_objective_running_requests{model_name="m"} 2',
  ]);
});

it("counts models that rules chose, of requests that were refused too", async () => {
  const { observer, linesOf } = openReference();
  const ruled = { ...someRequest, rewriteRule: "canary" };
  observer.sent(ruled, 0);
  observer.refused(ruled, refuse("ServiceUnavailable", "none"), 0);
  observer.sent(someRequest, 0);
  const own = 'model_rewrite_name="canary",model_name="m",target_model="t"';
  expect(await linesOf("llm_d_epp_model_rewrite", "inference_extension_model_rewrite")).toEqual([
    `llm_d_epp_model_rewrite_decisions_total{${own}} 2`,
    `inference_extension_model_rewrite_decisions_total{${own}} 2`,
  ]);
});

it("has no sample of any family where the configuration says so", async () => {
  const { observer, lines } = openReference({ rules: { referenceMetrics: false } });
  observer.sent(someRequest, 0);
  expect(await lines()).toEqual([]);
});
