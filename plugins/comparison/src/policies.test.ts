import type { AnyScorerDefinition, FeedbackEvent } from "@outrider/plugin-sdk";
import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  fakeNowMs,
  local,
  loopback,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { lmetric, smgCacheAware, smgLeastLoad } from "./index.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const policies: readonly AnyScorerDefinition[] = [lmetric, smgCacheAware, smgLeastLoad];
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  for (const policy of policies) {
    describe(`${policy.type}, ${where}, keeps the scorer contract`, () => {
      for (const { title, run } of scorerContract) it(title, async () => run(await open(policy)), 20_000);
    });
  }
}

const picked = (callId: number, slot: number, atMs = fakeNowMs): FeedbackEvent => ({
  kind: "picked",
  callId,
  slot,
  atMs,
  ownScore: 0,
  totalScore: 0,
  fallback: false,
  promptTokens: 2_000,
  picks: [],
});
const best = (scores: Float32Array) => scores.indexOf(Math.max(...scores));

describe("lmetric", () => {
  it("prefers a cache to an idle endpoint only as far as the batch is small", async () => {
    const scorer = await local(lmetric);
    const pickOf = async (running: number) => {
      const pool = [{ running_requests: running }, { running_requests: 0 }];
      return best(await scorer.score(fakeCall({ pool, data: { "data.uncached_tokens": [100, 1_000] } })));
    };
    expect([await pickOf(8), await pickOf(10)]).toEqual([0, 1]);
  });

  it("sees what was sent since the last scrape", async () => {
    const scorer = await local(lmetric);
    const pool = [{ running_requests: 0, inflight_requests: 3 }, { running_requests: 1 }];
    expect(best(await scorer.score(fakeCall({ pool, data: { "data.uncached_tokens": [10, 10] } })))).toBe(1);
  });
});

describe("smg-least-load", () => {
  const endpoint = (waiting: number, ageMs = 0): FakeEndpoint => ({
    waiting_requests: waiting,
    kv_cache_usage: 0.2,
    "rate.prompt_tokens": 1_000,
    "rate.output_tokens": 1_000,
    ageMs,
  });

  it("counts what was sent since the last scrape, and nothing from before it", async () => {
    const scorer = await local(smgLeastLoad);
    const ask = (ageMs: number) => scorer.score(fakeCall({ pool: [endpoint(0, ageMs), endpoint(1, ageMs)] }));
    await scorer.feedback(picked(1, 0, fakeNowMs - 20));
    expect(best(await ask(50))).toBe(1);
    expect(best(await ask(10))).toBe(0);
  });

  it("forgets what an endpoint was sent that was replaced", async () => {
    const scorer = await local(smgLeastLoad);
    const pool = (id: string) => [{ ...endpoint(0, 50), id }, endpoint(1, 50)];
    await scorer.score(fakeCall({ pool: pool("a") }));
    await scorer.feedback(picked(1, 0));
    expect(best(await scorer.score(fakeCall({ pool: pool("a") })))).toBe(1);
    expect(best(await scorer.score(fakeCall({ pool: pool("b") })))).toBe(0);
  });

  it("does not take a full cache for infinitely dear, nor unknown for idle", async () => {
    const scorer = await local(smgLeastLoad);
    const pool = [{ ...endpoint(0), kv_cache_usage: 1 }, { waiting_requests: 0 }, { kv_cache_usage: 0 }];
    const scores = [...(await scorer.score(fakeCall({ pool })))];
    expect(scores).toEqual([1, unknown, unknown]);
  });
});

describe("smg-cache-aware", () => {
  const data = (...matched: number[]) => ({
    "data.prefix_match_blocks": matched,
    "data.prefix_total_blocks": matched.map(() => 10),
  });

  it("gives a prompt that nobody has to the endpoint that was sent the fewest blocks", async () => {
    const scorer = await local(smgCacheAware);
    const picks = [];
    for (let i = 0; i < 4; i++) {
      const call = fakeCall({ pool: [{}, {}], data: data(0, 0) });
      picks.push(best(await scorer.score(call)));
      await scorer.feedback(picked(call.callId, picks.at(-1)!));
    }
    expect(picks).toEqual([0, 1, 0, 1]);
  });

  it("counts a block once that an endpoint has, and trees up to their limit", async () => {
    const scorer = await local(smgCacheAware, { maxTreeBlocks: 15 });
    const send = async (slot: number, ...matched: number[]) => {
      const call = fakeCall({ pool: [{}, {}], data: data(...matched) });
      await scorer.score(call);
      await scorer.feedback(picked(call.callId, slot));
    };
    const sizes = async () => [...(await scorer.score(fakeCall({ pool: [{}, {}], data: data(0, 0) })))];
    await send(0, 0, 0);
    await send(0, 10, 0);
    expect(await sizes()).toEqual([Math.fround(1 / 11), 1]);
    await send(0, 0, 0);
    await send(0, 0, 0);
    expect(await sizes()).toEqual([Math.fround(1 / 16), 1]);
  });

  it("is not misled by a match that is unknown", async () => {
    const scorer = await local(smgCacheAware);
    expect([...(await scorer.score(fakeCall({ pool: [{}, {}], data: data(unknown, 8) })))]).toEqual([0, 1]);
  });
});

describe("parameters are refused", () => {
  const wrong = [
    { policy: lmetric, given: { weight: 1 } },
    { policy: smgCacheAware, given: { cacheThreshold: 1.5 } },
    { policy: smgCacheAware, given: { balanceRelThreshold: 0.9 } },
    { policy: smgLeastLoad, given: { tokensPerRequest: 0 } },
  ];
  for (const { policy, given } of wrong) {
    it(`${policy.type} ${JSON.stringify(given)}`, () => expect(policy.config.safeParse(given).success).toBe(false));
  }
});
