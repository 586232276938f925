import { type AnyScorerDefinition, type FeedbackEvent, OutriderError, type ScoreCall } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { createInlineProducer, createInlineScorer, toJsonPath, wantedEvents } from "./local-instance.ts";
import { fakeCall } from "./testing/index.ts";

type Score = (call: ScoreCall, scores: Float32Array) => void | Promise<void>;

function definition(score: Score, more: Partial<AnyScorerDefinition> = {}): AnyScorerDefinition {
  const config = { safeParse: (value: unknown) => ({ success: true as const, data: value }) };
  return {
    kind: "scorer",
    type: "t",
    category: "balance",
    state: "none",
    needs: [],
    config,
    create: () => ({ score }),
    ...more,
  };
}

const call = fakeCall({ pool: [{}] });
const done: FeedbackEvent = {
  kind: "done",
  callId: 1,
  slot: 0,
  atMs: 1,
  cause: "ok",
  status: 200,
  promptTokens: 1,
  cachedTokens: 0,
  outputTokens: 1,
  ttftUs: 10.5,
  e2eMs: 3.2,
};
const picked: FeedbackEvent = {
  kind: "picked",
  callId: 1,
  slot: 0,
  atMs: 1,
  ownScore: 0.1,
  totalScore: 0.2,
  fallback: false,
  promptTokens: 1,
  picks: [],
};

describe("an inline scorer", () => {
  const boom = () => {
    throw new Error("boom");
  };
  const known = () => {
    throw new OutriderError("SCORER_UNAVAILABLE", "no model");
  };
  const cases: readonly { title: string; score: Score; code: string; says: string }[] = [
    { title: "that throws", score: boom, code: "SCORER_FAILED", says: "mine: boom" },
    { title: "that rejects", score: async () => boom(), code: "SCORER_FAILED", says: "mine: boom" },
    { title: "that throws an error of Outrider's", score: known, code: "SCORER_UNAVAILABLE", says: "no model" },
  ];
  for (const { title, score, code, says } of cases) {
    it(`${title} fails as ${code}`, async () => {
      const scorer = createInlineScorer(definition(score), undefined, "mine");
      const run = async () => scorer.score(call, new Float32Array(1));
      await expect(run()).rejects.toMatchObject({ code, message: says });
    });
  }

  it("answers at once where its code does", () => {
    const scorer = createInlineScorer(
      definition((_, scores) => void scores.fill(1)),
      undefined,
      "mine",
    );
    expect(scorer.score(call, new Float32Array(1))).toBeUndefined();
    expect([scorer.name, scorer.type]).toEqual(["mine", "t"]);
  });

  it("is not made of parameters that do not fit, and all their faults are named", () => {
    const issues = [
      { path: ["a", 1, "b"], message: "is wrong" },
      { path: [], message: "is worse" },
    ];
    const config = { safeParse: () => ({ success: false as const, error: { issues } }) };
    const make = () =>
      createInlineScorer(
        definition(() => {}, { config }),
        {},
        "mine",
      );
    expect(make).toThrow("parameters of mine: a[1].b: is wrong; is worse");
    expect(make).toThrow(OutriderError);
  });

  it("gets empty parameters where there are none", () => {
    const seen: unknown[] = [];
    const config = {
      safeParse(value: unknown) {
        seen.push(value);
        return { success: true as const, data: value };
      },
    };
    createInlineScorer(
      definition(() => {}, { config }),
      undefined,
      "mine",
    );
    expect(seen).toEqual([{}]);
  });
});

describe("feedback", () => {
  it("is not offered where no event is asked for, or nobody listens", () => {
    const listening = () => ({ score: () => {}, feedback: () => {} });
    expect(
      createInlineScorer(
        definition(() => {}, { create: listening }),
        {},
        "mine",
      ).feedback,
    ).toBeUndefined();
    expect(
      createInlineScorer(
        definition(() => {}, { needs: ["events.done"] }),
        {},
        "mine",
      ).feedback,
    ).toBeUndefined();
  });

  it("brings the events asked for, and the end, as a process would get them", () => {
    const seen: FeedbackEvent[] = [];
    const create = () => ({ score: () => {}, feedback: (event: FeedbackEvent) => void seen.push(event) });
    const scorer = createInlineScorer(
      definition(() => {}, { create, needs: [{ key: "events.picked" }] }),
      {},
      "mine",
    );
    scorer.feedback?.(picked);
    scorer.feedback?.({ kind: "progress", callId: 1, slot: 0, atMs: 1, chunks: 1, outputTokens: 1, elapsedMs: 1 });
    scorer.feedback?.(done);
    expect(seen).toEqual([
      { ...picked, ownScore: Math.fround(0.1), totalScore: Math.fround(0.2) },
      { ...done, ttftUs: 10, e2eMs: 3 },
    ]);
  });

  it("ends with done for whoever asked for anything", () => {
    expect([...wantedEvents(["events.headers", "request.lora"])]).toEqual(["headers", "done"]);
    expect(wantedEvents(["request.lora"]).size).toBe(0);
  });
});

it("runs a producer, and tells it of endpoints", async () => {
  const heard: unknown[] = [];
  const producer = createInlineProducer(
    {
      kind: "producer",
      type: "p",
      state: "none",
      needs: [],
      produces: ["data.uncached_tokens"],
      config: { safeParse: (value: unknown) => ({ success: true, data: value }) },
      create: () => ({
        produce: (_, [values]) => void values?.fill(4),
        endpointsChanged: (change) => void heard.push(change),
      }),
    },
    {},
    "mine",
  );
  const values = [new Float32Array(1)];
  await producer.produce(call, values);
  const change = { removedSlots: [1], upserted: [] };
  producer.endpointsChanged(change);
  expect([values[0]?.[0], heard, producer.produces]).toEqual([4, [change], ["data.uncached_tokens"]]);
});

it("writes paths as people do", () => {
  expect([[], ["a"], ["a", "b"], [2, "c"], ["a", 0, 1, "b"]].map(toJsonPath)).toEqual([
    "",
    "a",
    "a.b",
    "[2].c",
    "a[0][1].b",
  ]);
});
