import type { FeedbackEvent } from "@outrider/plugin-sdk";
import { childProcess, type FakeEndpoint, fakeCall, local, loopback } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { approxPrefixCacheProducer } from "./producer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;
const endpoint: FakeEndpoint = { kv_total_blocks: 4_000, kv_block_tokens: 16 };
const pool = [endpoint, endpoint, endpoint, endpoint];

const promptOf = (...blocks: number[]) => ({
  blockHashes: Uint32Array.from(
    blocks.flatMap((block) => [Math.imul(block, 0x9e3779b1), Math.imul(block, 0x85ebca6b)]),
  ),
  blockSizeTokens: 64,
});

interface Asked {
  readonly blocks: readonly number[];
  readonly endpoints?: readonly FakeEndpoint[];
  readonly picks?: readonly { readonly profile: string; readonly slot: number }[];
}

/** Opens a producer that can be asked, and told where the request went. */
async function openProducer(open: (typeof placements)["local"] = local, parameters?: unknown) {
  const producer = await open(approxPrefixCacheProducer, parameters);
  const ask = async ({ blocks, endpoints = pool, picks }: Asked) => {
    const request = { ...promptOf(...blocks), promptTokens: 64 * blocks.length + 10 };
    const call = fakeCall({ pool: endpoints, profile: "", request });
    const values = await producer.produce(call);
    const slot = picks?.at(-1)?.slot ?? 0;
    const scores = { ownScore: 0, totalScore: 0, fallback: false, promptTokens: 0 };
    const picked: FeedbackEvent = {
      kind: "picked",
      callId: call.callId,
      slot,
      atMs: 1,
      ...scores,
      picks: picks ?? [],
    };
    if (picks !== undefined) await producer.feedback(picked);
    return [[...values["data.prefix_match_blocks"]!], [...values["data.prefix_total_blocks"]!]];
  };
  return { ask, close: () => producer.close() };
}

for (const [where, open] of Object.entries(placements)) {
  describe(`approx-prefix-cache-producer, ${where}`, () => {
    it("counts the leading blocks that each candidate holds, and those of the prompt", async () => {
      const { ask, close } = await openProducer(open);
      const first = await ask({ blocks: [1, 2, 3], picks: [{ profile: "default", slot: 2 }] });
      expect(first).toEqual([
        [0, 0, 0, 0],
        [3, 3, 3, 3],
      ]);
      expect(await ask({ blocks: [1, 2, 9, 9] })).toEqual([
        [0, 0, 2, 0],
        [4, 4, 4, 4],
      ]);
      await close();
    }, 20_000);
  });
}

describe("approx-prefix-cache-producer", () => {
  it("writes no match for a prompt without a whole block", async () => {
    const { ask } = await openProducer();
    expect(await ask({ blocks: [] })).toEqual([
      [unknown, unknown, unknown, unknown],
      [unknown, unknown, unknown, unknown],
    ]);
  });

  it("learns that prefill and decode have the prompt, and not who encodes images", async () => {
    const { ask } = await openProducer();
    const picks = [
      { profile: "encode", slot: 0 },
      { profile: "prefill", slot: 1 },
      { profile: "decode", slot: 3 },
    ];
    await ask({ blocks: [1, 2], picks });
    expect((await ask({ blocks: [1, 2] }))[0]).toEqual([0, 2, 0, 2]);
  });

  const limits = [
    { title: "the longest prefix in tokens", parameters: { maxPrefixTokensToMatch: 130 }, held: 2, total: 2 },
    { title: "the longest prefix in blocks", parameters: { maxPrefixBlocksToMatch: 3 }, held: 3, total: 3 },
    {
      title: "neither, where both are 0",
      parameters: { maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 0 },
      held: 5,
      total: 5,
    },
    {
      title: "what its metrics tell that an endpoint holds",
      endpoints: [{ kv_total_blocks: 8, kv_block_tokens: 16 }],
      held: 2,
      total: 5,
    },
    {
      title: "the configured capacity, where metrics are not asked",
      parameters: { autoTune: false, lruCapacityPerServer: 4 },
      endpoints: [endpoint],
      held: 4,
      total: 5,
    },
    {
      title: "the configured capacity, where metrics tell nothing",
      parameters: { lruCapacityPerServer: 1 },
      endpoints: [{}],
      held: 1,
      total: 5,
    },
  ];
  for (const { title, parameters, endpoints = [endpoint], held, total } of limits) {
    it(`keeps to ${title}`, async () => {
      const { ask } = await openProducer(local, parameters);
      const blocks = [1, 2, 3, 4, 5];
      await ask({ blocks, endpoints, picks: [{ profile: "default", slot: 0 }] });
      expect(await ask({ blocks, endpoints })).toEqual([[held], [total]]);
    });
  }
});
