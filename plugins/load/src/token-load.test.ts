import type { FeedbackEvent } from "@outrider/plugin-sdk";
import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { inflightLoadProducer } from "./inflight-load.ts";
import { tokenLoadScorer } from "./token-load.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  describe(`token-load-scorer, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(tokenLoadScorer)), 20_000);
  });
}

const cases = [
  {
    title: "adds what is in flight and what this prompt adds",
    inflight: [0, 50, 25],
    uncached: [0, 25, 0],
    want: [1, 0.25, 0.75],
  },
  { title: "scores 0 from the threshold on", inflight: [100, 1_000], uncached: [0, 0], want: [0, 0] },
  { title: "does not take unknown for idle", inflight: [unknown, 0], uncached: [0, unknown], want: [unknown, unknown] },
];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`token-load-scorer, ${where}`, () => {
    for (const { title, inflight, uncached, want } of cases) {
      it(title, async () => {
        const scorer = await open(tokenLoadScorer, { queueThresholdTokens: 100 });
        const data = { "data.inflight_tokens": inflight, "data.uncached_tokens": uncached };
        expect([...(await scorer.score(fakeCall({ pool: inflight.map(() => ({})), data })))]).toEqual(want);
        await scorer.close();
      });
    }
  });
}

const picked = (callId: number, slot: number): FeedbackEvent => ({
  kind: "picked",
  callId,
  slot,
  atMs: 1,
  ownScore: 0,
  totalScore: 0,
  fallback: false,
  promptTokens: 100,
  picks: [],
});
const done = (callId: number): FeedbackEvent => ({
  kind: "done",
  callId,
  slot: 0,
  atMs: 2,
  cause: "client_cancelled",
  status: 0,
  promptTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  ttftUs: 0,
  e2eMs: 0,
});

interface Asked {
  readonly promptTokens?: number;
  readonly maxOutputTokens?: number;
  readonly matched?: readonly number[];
  readonly total?: readonly number[];
  readonly inflight?: readonly number[];
  readonly ids?: readonly string[];
}

/** Opens a producer that can be asked; `send` says where the request of the last call went. */
async function openProducer(open = local, parameters?: unknown) {
  const producer = await open(inflightLoadProducer, parameters);
  let last = 0;
  const ask = async ({
    promptTokens = 100,
    maxOutputTokens = 0,
    inflight = [0, 0],
    ids = ["a", "b"],
    ...match
  }: Asked) => {
    const data = { "data.prefix_match_blocks": match.matched ?? [], "data.prefix_total_blocks": match.total ?? [] };
    const call = fakeCall({
      pool: inflight.map((tokens, i) => ({ id: ids[i]!, inflight_prompt_tokens: tokens })),
      request: { promptTokens, maxOutputTokens },
      data: match.matched === undefined ? {} : data,
    });
    last = call.callId;
    const values = await producer.produce(call);
    return { inflight: [...values["data.inflight_tokens"]!], uncached: [...values["data.uncached_tokens"]!] };
  };
  return {
    ask,
    send: (slot: number) => producer.feedback(picked(last, slot)),
    end: () => producer.feedback(done(last)),
    close: () => producer.close(),
  };
}

for (const [where, open] of Object.entries(placements)) {
  describe(`inflight-load-producer, ${where}`, () => {
    it("tells the tokens in flight, and those of the prompt that are not cached", async () => {
      const { ask, close } = await openProducer(open);
      const asked = { promptTokens: 200, matched: [0, 2], total: [3, 3], inflight: [70, 0] };
      expect(await ask(asked)).toEqual({ inflight: [70, 0], uncached: [200, 72] });
      await close();
    }, 20_000);
  });
}

describe("inflight-load-producer", () => {
  const uncached = [
    {
      title: "takes the whole prompt for new where nobody tells a match",
      asked: { promptTokens: 200 },
      want: [200, 200],
    },
    {
      title: "counts smaller blocks as they are",
      asked: { promptTokens: 160, matched: [5, 10], total: [10, 10] },
      want: [80, 0],
    },
    {
      title: "counts what lies behind the longest prefix that is matched",
      asked: { promptTokens: 10_000, matched: [10, 0], total: [10, 10] },
      want: [10_000 - 640, 10_000],
    },
    { title: "is never below 0", asked: { promptTokens: 100, matched: [9, 0], total: [2, 2] }, want: [0, 100] },
    {
      title: "takes an unknown match for none",
      asked: { promptTokens: 64, matched: [unknown, 1], total: [1, 1] },
      want: [64, 0],
    },
    {
      title: "has nothing to compute without a prompt",
      asked: { promptTokens: 0, matched: [0, 0], total: [0, 0] },
      want: [0, 0],
    },
  ];
  for (const { title, asked, want } of uncached) {
    it(title, async () => expect((await (await openProducer()).ask(asked)).uncached).toEqual(want));
  }

  const estimates = [
    { title: "by the prompt", parameters: {}, asked: {}, want: 150 },
    { title: "by a ratio", parameters: { outputRatio: 0.333 }, asked: {}, want: 33 },
    { title: "no more than the client allows", parameters: {}, asked: { maxOutputTokens: 7 }, want: 7 },
    { title: "no more than the operator says", parameters: { maxEstimatedOutputTokens: 9 }, asked: {}, want: 9 },
  ];
  for (const { title, parameters, asked, want } of estimates) {
    it(`counts the output expected, ${title}, until the request is done`, async () => {
      const { ask, send, end } = await openProducer(local, { addEstimatedOutputTokens: true, ...parameters });
      await ask(asked);
      await send(1);
      await send(1);
      const after = async () => (await ask(asked)).inflight;
      expect(await after()).toEqual([0, want]);
      await end();
      expect(await after(), "the end of another call takes nothing").toEqual([0, want]);
    });
  }

  it("counts nothing of a request that is over, however it ended", async () => {
    const { ask, send, end } = await openProducer(local, { addEstimatedOutputTokens: true });
    await ask({});
    await send(0);
    await end();
    await end();
    expect((await ask({})).inflight).toEqual([0, 0]);
  });

  it("counts nothing for an endpoint that was replaced", async () => {
    const { ask, send } = await openProducer(local, { addEstimatedOutputTokens: true });
    await ask({});
    await send(0);
    expect((await ask({ ids: ["new", "b"] })).inflight).toEqual([0, 0]);
  });

  it("counts no output where it is not told to", async () => {
    const { ask, send } = await openProducer();
    await ask({});
    await send(0);
    expect((await ask({})).inflight).toEqual([0, 0]);
  });

  for (const wrong of [{ outputRatio: -1 }, { maxEstimatedOutputTokens: 0.5 }, { ratio: 1 }]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      expect(inflightLoadProducer.config.safeParse(wrong).success).toBe(false);
    });
  }
});
