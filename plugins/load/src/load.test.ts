import type { DoneEvent, FeedbackEvent } from "@outrider/plugin-sdk";
import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  local,
  loopback,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { load } from "./load.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  describe(`load, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(load)), 20_000);
  });
}

const idle: FakeEndpoint = { foreign_requests: 0, "rate.saturated_tokens": 1_000 };
/** Seconds for this prompt alone at 1,000 tokens/s: 500 of prompt, 500 of answer expected. */
const parameters = { halfScoreSeconds: 1, defaultTokensPerSecond: 1_000, defaultRequestTokens: 1_000 };
const request = { promptTokens: 500 };
const afterSeconds = (seconds: number) => Math.fround(1 / (1 + seconds));

const toSixDigits = (score: number) => Math.round(score * 1e6) / 1e6;

const cases = [
  { title: "rates idle endpoints of one speed alike", pool: [idle, idle], want: [1, 1] },
  {
    title: "counts prompts that this host sent and that have no answer yet",
    pool: [idle, { ...idle, inflight_requests: 1, inflight_prompt_tokens: 750 }],
    want: [1, afterSeconds(0.75 + 0.25)],
  },
  {
    title: "counts requests that others sent (defect: what is in flight is counted by replica)",
    pool: [idle, { ...idle, foreign_requests: 2 }],
    want: [1, afterSeconds(2 * 0.75)],
  },
  {
    title: "prefers the faster of two idle endpoints",
    pool: [idle, { ...idle, "rate.saturated_tokens": 4_000 }],
    want: [afterSeconds(1 - 0.25), 1],
  },
  {
    title: "gives a faster endpoint more work before it is as loaded",
    pool: [
      { ...idle, foreign_requests: 1 },
      { ...idle, foreign_requests: 4, "rate.saturated_tokens": 4_000 },
    ],
    want: [afterSeconds(1.75 - 1), 1],
  },
  {
    title: "takes an endpoint of unknown speed for as fast as the others are on the average",
    pool: [{ foreign_requests: 0 }, idle, { ...idle, "rate.saturated_tokens": 3_000 }],
    want: [afterSeconds(0.5 - 1 / 3), afterSeconds(1 - 1 / 3), 1],
  },
  {
    title: "goes by the default speed where none is known",
    pool: [{ foreign_requests: 0 }, { foreign_requests: 1 }],
    want: [1, afterSeconds(0.75)],
  },
  {
    title: "takes a server that stands still for a sixteenth as fast as the others, and not for infinitely slow",
    pool: [idle, { ...idle, "rate.saturated_tokens": 0 }],
    want: [1, afterSeconds(16 - 1)],
  },
  { title: "does not take unknown for idle", pool: [idle, {}, { inflight_requests: 9 }], want: [1, unknown, unknown] },
  { title: "rates a single candidate 1", pool: [{ ...idle, foreign_requests: 50 }], want: [1] },
];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`load, ${where}`, () => {
    for (const { title, pool, want } of cases) {
      it(title, async () => {
        const scorer = await open(load, parameters);
        const scores = [...(await scorer.score(fakeCall({ pool, request })))];
        expect(scores.map(toSixDigits)).toEqual(want.map(toSixDigits));
        await scorer.close();
      });
    }
  });
}

describe("load", () => {
  const done = (usage: Partial<DoneEvent>): FeedbackEvent => ({
    kind: "done",
    callId: 1,
    slot: 0,
    atMs: 1,
    cause: "ok",
    status: 200,
    promptTokens: 1_000,
    cachedTokens: 0,
    outputTokens: 0,
    ttftUs: 1,
    e2eMs: 1,
    ...usage,
  });
  /** Score of an endpoint with a request of others beside an idle one, after some requests. */
  const scoreAfter = async (...events: readonly FeedbackEvent[]) => {
    const scorer = await local(load, parameters);
    for (const event of events) await scorer.feedback(event);
    return (await scorer.score(fakeCall({ pool: [idle, { ...idle, foreign_requests: 1 }], request })))[1]!;
  };

  it("learns how large requests are from those that are done", async () => {
    expect(await scoreAfter(done({ promptTokens: 3_000, outputTokens: 1_000 }))).toBeCloseTo(afterSeconds(3.5), 6);
    expect(await scoreAfter(done({ promptTokens: 3_000, cachedTokens: 3_000 }))).toBeCloseTo(afterSeconds(0), 6);
    expect(await scoreAfter(done({ outputTokens: 0 }), done({ promptTokens: 2_000 }))).toBeCloseTo(
      afterSeconds(1.5),
      6,
    );
  });

  it("counts prompts in flight as far as prompts have had to be computed of late", async () => {
    const scorer = await local(load, parameters);
    await scorer.feedback(done({ promptTokens: 1_000, cachedTokens: 750 }));
    const busy = { ...idle, inflight_requests: 1, inflight_prompt_tokens: 2_000 };
    const scores = await scorer.score(fakeCall({ pool: [idle, busy], request }));
    expect(scores[1]).toBeCloseTo(afterSeconds(0.5), 6);
  });

  const strange = [
    { title: "was cut off", event: done({ cause: "client_cancelled", promptTokens: 9_000 }) },
    { title: "was not observed", event: done({ promptTokens: 0, cachedTokens: 0 }) },
    { title: "was never sent", event: done({ cause: "never_sent", status: 0 }) },
  ];
  for (const { title, event } of strange) {
    it(`learns nothing from a request that ${title}`, async () => {
      expect(await scoreAfter(event)).toBe(await scoreAfter());
    });
  }

  it("spreads a burst between two scrapes over endpoints by their speed", async () => {
    const speeds = [1_000, 1_000, 2_000];
    const sent = [0, 0, 0];
    const scorer = await local(load, parameters);
    for (let i = 0; i < 80; i++) {
      const pool = speeds.map((speed, slot) => ({
        foreign_requests: 0,
        "rate.saturated_tokens": speed,
        inflight_requests: sent[slot]!,
        inflight_prompt_tokens: sent[slot]! * 500,
      }));
      const scores = [...(await scorer.score(fakeCall({ pool, request })))];
      sent[scores.indexOf(Math.max(...scores))]! += 1;
    }
    expect(Math.abs(sent[2]! - 40)).toBeLessThanOrEqual(2);
    expect(Math.abs(sent[0]! - sent[1]!)).toBeLessThanOrEqual(1);
  });

  it("says of how many candidates the load is unknown", () => {
    const call = fakeCall({ pool: [idle, {}], request });
    expect(load.create(parameters).score(call, new Float32Array(2))).toBe("load unknown at 1 of 2");
  });

  for (const wrong of [{ halfScoreSeconds: 0 }, { defaultTokensPerSecond: -1 }, { threshold: 1 }]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => expect(load.config.safeParse(wrong).success).toBe(false));
  }
});
