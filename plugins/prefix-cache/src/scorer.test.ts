import type { EndpointInfo, FeedbackEvent } from "@outrider/plugin-sdk";
import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  fakeSnapshot,
  local,
  loopback,
  type OpenScorer,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { prefixCache } from "./scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };

/** Endpoints with room for so many blocks of 64 tokens each. */
const poolOf = (...blocks: number[]): FakeEndpoint[] =>
  blocks.map((count) => ({ kv_total_blocks: count * 4, kv_block_tokens: 16 }));

const promptOf = (...blocks: number[]) => ({
  blockHashes: Uint32Array.from(
    blocks.flatMap((block) => [Math.imul(block, 0x9e3779b1), Math.imul(block, 0x85ebca6b)]),
  ),
  blockSizeTokens: 64,
});

type Call = ReturnType<typeof fakeCall>;

const picked = ({ callId }: Call, slot: number, picks: readonly { profile: string; slot: number }[] = []) => {
  const scores = { ownScore: 0, totalScore: 0, fallback: false, promptTokens: 0 };
  return { kind: "picked", callId, slot, atMs: 1, ...scores, picks } satisfies FeedbackEvent;
};

const done = ({ callId }: Call, cause: "ok" | "never_sent") => {
  const counts = { status: 200, promptTokens: 0, cachedTokens: 0, outputTokens: 0, ttftUs: 0, e2eMs: 0 };
  return { kind: "done", callId, slot: 0, atMs: 2, cause, ...counts } satisfies FeedbackEvent;
};

for (const [where, open] of Object.entries(placements)) {
  describe(`prefix-cache, ${where}`, () => {
    for (const { title, run } of scorerContract) {
      it(`keeps the scorer contract: ${title}`, async () => run(await open(prefixCache)), 20_000);
    }

    it("scores what each endpoint has of the prompt", async () => {
      const scorer = await open(prefixCache);
      const snapshot = fakeSnapshot(poolOf(100, 100, 100, 100));
      const ask = async (...blocks: number[]) => {
        const call = fakeCall({ pool: snapshot, request: promptOf(...blocks) });
        return { call, scores: [...(await scorer.score(call))] };
      };
      const first = await ask(1, 2, 3, 4);
      expect(first.scores).toEqual([0, 0, 0, 0]);
      await scorer.feedback(picked(first.call, 1));
      await scorer.feedback(picked((await ask(1, 2)).call, 2));
      await scorer.feedback(picked((await ask(9, 2, 3, 4)).call, 3));
      expect((await ask(1, 2, 3, 4)).scores).toEqual([0, 1, 0.5, 0]);
      expect((await ask(1, 2, 3, 4, 5, 6, 7, 8)).scores).toEqual([0, 0.5, 0.25, 0]);
      expect((await ask(7)).scores).toEqual([0, 0, 0, 0]);
      await scorer.close();
    }, 20_000);
  });
}

/** Asks and says where the request went. */
async function send(
  scorer: OpenScorer,
  pool: Parameters<typeof fakeCall>[0]["pool"],
  slot: number,
  ...blocks: number[]
) {
  const call = fakeCall({ pool, request: promptOf(...blocks) });
  await scorer.score(call);
  await scorer.feedback(picked(call, slot));
}

const scoresOf = async (scorer: OpenScorer, pool: Parameters<typeof fakeCall>[0]["pool"], ...blocks: number[]) => [
  ...(await scorer.score(fakeCall({ pool, request: promptOf(...blocks) }))),
];

describe("what prefix-cache believes", () => {
  const pool = poolOf(100, 100, 100);

  it("follows the engine's real capacity", async () => {
    const small = poolOf(2, 4, 100);
    const scorer = await local(prefixCache);
    for (const slot of [0, 1, 2]) await send(scorer, small, slot, 1, 2, 3, 4);
    expect(await scoresOf(scorer, small, 1, 2, 3, 4)).toEqual([0.5, 1, 1]);
    for (const slot of [0, 1, 2]) await send(scorer, small, slot, 5, 6);
    expect(await scoresOf(scorer, small, 1, 2, 3, 4)).toEqual([0, 0.5, 1]);
  });

  it("follows the configured capacity where the engine tells none", async () => {
    const scorer = await local(prefixCache, { defaultCapacityTokens: 3 * 64 });
    await send(scorer, [{}, {}], 1, 1, 2, 3, 4);
    expect(await scoresOf(scorer, [{}, {}], 1, 2, 3, 4)).toEqual([0, 0.75]);
  });

  it("ends with the longest prefix that is matched", async () => {
    const scorer = await local(prefixCache, { maxPrefixTokens: 2 * 64 + 63 });
    await send(scorer, pool, 0, 1, 2, 3, 4);
    expect(await scoresOf(scorer, pool, 1, 2, 9, 9)).toEqual([1, 0, 0]);
  });

  it("is not changed by asking, by an answer that ends, or by a request that was never sent", async () => {
    const scorer = await local(prefixCache);
    const call = fakeCall({ pool, request: promptOf(1, 2) });
    await scorer.score(call);
    await scorer.feedback(done(call, "never_sent"));
    await scorer.feedback(picked(call, 0));
    expect(await scoresOf(scorer, pool, 1, 2)).toEqual([0, 0, 0]);
  });

  it("grows by one pick a call, whatever is said of it again", async () => {
    const scorer = await local(prefixCache);
    const call = fakeCall({ pool, request: promptOf(1, 2) });
    await scorer.score(call);
    await scorer.feedback(picked(call, 0));
    await scorer.feedback(picked(call, 1));
    await scorer.feedback(done(call, "ok"));
    await scorer.feedback(picked(call, 2));
    expect(await scoresOf(scorer, pool, 1, 2)).toEqual([1, 0, 0]);
  });

  it("grows at the destination and at the pick of the profile that asked", async () => {
    const scorer = await local(prefixCache);
    const call = fakeCall({ pool, profile: "prefill", request: promptOf(1, 2) });
    await scorer.score(call);
    await scorer.feedback(
      picked(call, 2, [
        { profile: "encode", slot: 1 },
        { profile: "prefill", slot: 0 },
        { profile: "decode", slot: 2 },
      ]),
    );
    expect(await scoresOf(scorer, pool, 1, 2)).toEqual([1, 0, 1]);
  });

  const changes: readonly { title: string; next: Partial<EndpointInfo>; want: number }[] = [
    { title: "is lost when an endpoint restarts", next: { incarnation: 1 }, want: 0 },
    { title: "is lost when another endpoint takes the slot", next: { id: "pool/other" }, want: 0 },
    { title: "stays when an endpoint's labels change", next: { labels: { role: "decode" } }, want: 1 },
    { title: "stays when an endpoint's sets change", next: { sets: { models: ["m"] } }, want: 1 },
  ];
  for (const { title, next, want } of changes) {
    it(title, async () => {
      const scorer = await local(prefixCache);
      await send(scorer, pool, 0, 1, 2);
      await send(scorer, pool, 1, 1, 2);
      const changed = pool.map((endpoint, i) => (i === 1 ? { ...endpoint, ...next } : endpoint));
      expect(await scoresOf(scorer, changed, 1, 2)).toEqual([1, want, 0]);
    });
  }

  it("is lost when an endpoint leaves, also for the one that comes back under its name", async () => {
    const scorer = await local(prefixCache);
    await send(scorer, pool, 2, 1, 2);
    expect(await scoresOf(scorer, pool.slice(0, 2), 1, 2)).toEqual([0, 0]);
    expect(await scoresOf(scorer, pool, 1, 2)).toEqual([0, 0, 0]);
  });
});

describe("prefix-cache", () => {
  it("abstains where the prompt has no whole block, and says so", () => {
    const scorer = prefixCache.create({ maxPrefixTokens: 128, defaultCapacityTokens: 1_000, maxBlocks: 1_000 });
    for (const request of [{}, promptOf(), { ...promptOf(1), blockSizeTokens: 256 }]) {
      const scores = new Float32Array(1).fill(Number.NaN);
      expect(scorer.score(fakeCall({ pool: poolOf(10), request }), scores)).toBe("no whole prefix block");
      expect(scores[0]).toBeNaN();
    }
  });

  const wrong = [{ maxPrefixTokens: 0 }, { defaultCapacityTokens: 1.5 }, { maxBlocks: 0 }, { blockSizeTokens: 64 }];
  for (const parameters of wrong) {
    it(`refuses ${JSON.stringify(parameters)}`, () => {
      expect(prefixCache.config.safeParse(parameters).success).toBe(false);
    });
  }
});
