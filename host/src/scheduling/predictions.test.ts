import { createSingleProfileHandler, type DoneCause, type Plan, type Producer, type Profile } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import type { RequestObserver } from "./observer.ts";
import { createScheduler } from "./scheduler.ts";
import { toTraceless } from "./traceless.ts";
import type { Routed } from "./types.ts";

const keys = [
  "data.predicted_ttft_ms",
  "data.predicted_ttft_ms_p90",
  "data.predicted_tpot_ms",
  "data.predicted_tpot_ms_p90",
];
const unknown = Number.NaN;

/** Predicts the same for every request: what the third endpoint gets is its last value, the pick's. */
function predictor(predicted: readonly number[], more: Partial<Producer> = {}): Producer {
  return {
    name: "oracle",
    type: "predictor",
    produces: keys,
    produce(_, values) {
      for (const [i, ms] of predicted.entries()) values[i]?.set([7_777, 7_777, ms]);
    },
    ...more,
  };
}

function planOf(...producers: readonly Producer[]): () => Partial<Plan> {
  return () => ({ waves: producers.map((producer) => [{ producer, budgetMs: 5 }]) });
}

/** How an exchange goes, unless told otherwise: 40 ms to the first token, 100 ms for the four behind it. */
interface Course {
  readonly body?: string;
  readonly status?: number;
  readonly served?: string;
  readonly ttftMs?: number;
  readonly isFirstSeen?: boolean;
  readonly outputTokens?: number;
  readonly cause?: DoneCause;
}

const streamed = JSON.stringify({ ...JSON.parse(good), stream: true });

/** Sends one request to the third endpoint. @returns what is counted of its predictions. */
async function send(producers: readonly Producer[], course: Course = {}, more: SchedulingOptions = {}) {
  const opened = openScheduling({ plan: planOf(...producers), ...more });
  const { scheduler, time } = opened;
  const {
    body = streamed,
    status = 200,
    served,
    ttftMs = 40,
    isFirstSeen = true,
    outputTokens = 5,
    cause = "ok",
  } = course;
  const routed = (await scheduler.decide(post(body))) as Routed;
  time.nowMs += ttftMs;
  routed.responseHeaders(status, () => "text/event-stream", served);
  if (isFirstSeen) routed.responseChunk(Buffer.from("data: {}\n\n"));
  time.nowMs += 100;
  const usage = JSON.stringify({ usage: { prompt_tokens: 3, completion_tokens: outputTokens } });
  if (isFirstSeen) routed.responseChunk(Buffer.from(`data: ${usage}\n\n`));
  routed.end(cause);
  return toCounts(await opened.registry.metrics());
}

/** Samples of predictions that are not 0, by what follows `outrider_prediction_`. */
function toCounts(page: string): Record<string, number> {
  const lines = page.split("\n").filter((line) => line.startsWith("outrider_prediction_"));
  const samples = lines.map((line) => {
    const [name = "", value] = line.slice("outrider_prediction_".length).split("} ");
    return [name.replace("{", " ").replaceAll('"', "").replace("producer=oracle,kind=", ""), Number(value)] as const;
  });
  return Object.fromEntries(samples.filter(([, value]) => value !== 0));
}

describe("a prediction of which nothing can be learned leaves no sample", () => {
  const right = [40, 60, 25, 30];
  const cases: readonly { title: string; predicted?: readonly number[]; course?: Course }[] = [
    { title: "that is unknown", predicted: [unknown, unknown, unknown, unknown] },
    { title: "that is below 0", predicted: [-1, -40, -0.5, -3] },
    { title: "that is infinite", predicted: [Number.POSITIVE_INFINITY, 60, 25, 30] },
    { title: "of an answer without a first token", course: { isFirstSeen: false } },
    { title: "of an answer whose first token comes before it was sent", course: { ttftMs: -50 } },
    { title: "of a request that its client cancelled", course: { cause: "client_cancelled" } },
    { title: "of an answer that broke off", course: { cause: "upstream_error" } },
    { title: "of a request that was evicted", course: { cause: "evicted" } },
    { title: "of an answer that nobody saw to its end", course: { cause: "unknown" } },
    { title: "of a refusal of the model server", course: { status: 429 } },
    { title: "of a failure of the model server", course: { status: 503 } },
    { title: "of an answer of another endpoint", course: { served: "10.0.0.1:8000" } },
    { title: "of an answer of an endpoint that was not named", course: { served: "10.9.9.9:8000" } },
  ];
  for (const { title, predicted = right, course } of cases) {
    it(title, async () => expect(await send([predictor(predicted)], course)).toEqual({}));
  }

  it("in a rehearsal", async () => {
    const opened = openScheduling({ plan: planOf(predictor(right)) });
    const parts = toTraceless(opened.parts);
    const routed = (await createScheduler(parts).decide(post(streamed))) as Routed;
    opened.time.nowMs += 40;
    routed.responseHeaders(200, () => undefined, undefined);
    routed.responseChunk(Buffer.from("data: {}\n\n"));
    routed.end("ok");
    expect(toCounts(await opened.registry.metrics())).toEqual({});
  });

  it("where its producer failed", async () => {
    const produce = () => {
      throw new Error("no");
    };
    expect(await send([predictor(right, { produce })])).toEqual({});
  });
});

describe("a prediction is compared with what was observed at the endpoint picked", () => {
  const within = { "p90_total ttft,observed=within": 1, "p90_total tpot,observed=within": 1 };
  const counted = {
    "compared_total ttft": 1,
    "compared_total tpot": 1,
    "observed_seconds_total ttft": 0.04,
    "observed_seconds_total tpot": 0.025,
  };

  it("exact", async () => expect(await send([predictor([40, 60, 25, 30])])).toEqual({ ...counted, ...within }));

  it("too long", async () => {
    expect(await send([predictor([50, 60, 26, 30])], { served: "10.0.0.3:8000" })).toEqual({
      ...counted,
      ...within,
      "error_seconds_total ttft,direction=over": 0.01,
      "error_seconds_total tpot,direction=over": 0.001,
    });
  });

  it("too short, even its 90th percentile", async () => {
    expect(await send([predictor([10, 39, 5, 24])])).toEqual({
      ...counted,
      "p90_total ttft,observed=above": 1,
      "p90_total tpot,observed=above": 1,
      "error_seconds_total ttft,direction=under": 0.03,
      "error_seconds_total tpot,direction=under": 0.02,
    });
  });

  const partly: readonly { title: string; predicted: readonly number[]; course?: Course; want: readonly string[] }[] = [
    {
      title: "by its mean alone where it has no percentile",
      predicted: [40, unknown, unknown, unknown],
      want: ["compared_total ttft", "observed_seconds_total ttft"],
    },
    {
      title: "by its percentile alone where it has no mean",
      predicted: [unknown, 60, unknown, unknown],
      want: ["p90_total ttft,observed=within"],
    },
    {
      title: "by TTFT alone where the answer is not streamed",
      predicted: [40, unknown, 25, 30],
      course: { body: good },
      want: ["compared_total ttft", "observed_seconds_total ttft"],
    },
    {
      title: "by TTFT alone where the answer is one token",
      predicted: [40, unknown, 25, 30],
      course: { outputTokens: 1 },
      want: ["compared_total ttft", "observed_seconds_total ttft"],
    },
    {
      title: "by TTFT alone where nobody tells the tokens",
      predicted: [40, unknown, 25, 30],
      course: { outputTokens: 0 },
      want: ["compared_total ttft", "observed_seconds_total ttft"],
    },
  ];
  for (const { title, predicted, course, want } of partly) {
    it(title, async () => expect(Object.keys(await send([predictor(predicted)], course))).toEqual(want));
  }

  it("though no plugin asks for the tokens of answers", async () => {
    const counts = await send([predictor([40, unknown, 25, unknown])], {}, { granted: [] });
    expect(counts["compared_total tpot"]).toBe(1);
  });

  it("each producer by itself, whatever of it each predicts", async () => {
    const other = { name: "other", produces: ["data.uncached_tokens", "data.predicted_tpot_ms"] };
    const counts = await send([predictor([30, 60, unknown, unknown]), predictor([9, 25], other)]);
    expect(Object.keys(counts).filter((key) => key.startsWith("compared"))).toEqual([
      "compared_total ttft",
      "compared_total producer=other,kind=tpot",
    ]);
  });
});

it("TTFT is compared at the pick of the profile prefill, TPOT at the destination", async () => {
  const produce: Producer["produce"] = (_, values) => {
    for (const [i, ms] of [
      [40, 7, 8],
      [40, 7, 8],
      [9, 9, 25],
      [9, 9, 25],
    ].entries())
      values[i]?.set(ms);
  };
  const plan = (decode: Profile): Partial<Plan> => {
    const onEmpty = "fail" as const;
    const filter = { name: "first", type: "first", filter: () => Uint32Array.of(0) };
    const prefill = { ...decode, name: "prefill", filters: [{ filter, onEmpty }], scorers: [] };
    return {
      waves: [[{ producer: predictor([], { produce }), budgetMs: 5 }]],
      profiles: [decode, prefill],
      handler: {
        ...createSingleProfileHandler("both", decode),
        primaryOf: () => decode.name,
        next: ({ profiles }) => [decode, prefill][profiles.length],
      },
    };
  };
  const counts = await send([], {}, { plan });
  expect(counts).toMatchObject({ "compared_total ttft": 1, "compared_total tpot": 1 });
  expect(Object.keys(counts).filter((key) => key.startsWith("error"))).toEqual([]);
});

it("an observer hears of it with the targets of the request", async () => {
  const heard: unknown[] = [];
  const observer = new Proxy({} as RequestObserver, {
    get: (_, key) => (key === "predicted" ? (...given: unknown[]) => void heard.push(given) : () => {}),
  });
  const { scheduler, time } = openScheduling({
    plan: planOf(predictor([40, 60, 25, 30])),
    observer,
    rules: { referenceMetrics: true },
  });
  const targets = { "x-llm-d-slo-ttft-ms": "30", "x-slo-tpot-ms": "none" };
  const routed = (await scheduler.decide({ ...post(streamed, undefined, targets), door: "pick" })) as Routed;
  time.nowMs += 60;
  const usage = { promptTokens: 3, cachedTokens: 0, outputTokens: 3 };
  routed.report({ status: 200, served: undefined, usage, ttftMs: 40.5, e2eMs: 90.5 });
  routed.end("ok");
  expect(heard).toMatchObject([
    [
      { model: "m" },
      { producer: "oracle", type: "predictor", ttftMs: 40, ttftP90Ms: 60, tpotMs: 25, tpotP90Ms: 30 },
      { ttftMs: 40.5, tpotMs: 25 },
      { ttftMs: 30, tpotMs: 0 },
    ],
  ]);
});
