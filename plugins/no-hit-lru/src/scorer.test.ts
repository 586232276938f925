import type { FeedbackEvent } from "@outrider/plugin-sdk";
import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { noHitLruScorer } from "./scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  describe(`no-hit-lru-scorer, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(noHitLruScorer)), 20_000);
  });
}

/** Asks, tells where the request went, and returns the scores. */
async function openLru(open = local, parameters?: unknown) {
  const scorer = await open(noHitLruScorer, parameters);
  const ask = async (
    ids: readonly string[],
    matched: readonly number[],
    slots: Readonly<Record<string, number>> = {},
  ) => {
    const call = fakeCall({ pool: ids.map((id) => ({ id })), data: { "data.prefix_match_blocks": matched } });
    const scores = [...(await scorer.score(call))];
    const [primary] = Object.values(slots);
    if (primary !== undefined) await scorer.feedback(picked(call.callId, primary, slots));
    return scores;
  };
  return { scorer, ask };
}

function picked(callId: number, slot: number, slots: Readonly<Record<string, number>>): FeedbackEvent {
  const picks = Object.entries(slots).map(([profile, at]) => ({ profile, slot: at }));
  return { kind: "picked", callId, slot, atMs: 1, ownScore: 0, totalScore: 0, fallback: false, promptTokens: 0, picks };
}

const three = ["a", "b", "c"];
const cold = [0, 0, 0];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`no-hit-lru-scorer, ${where}`, () => {
    it("rates all 0.5 where some candidate has the prefix", async () => {
      const { ask, scorer } = await openLru(open);
      expect(await ask(three, [0, 3, unknown], { decode: 1 })).toEqual([0.5, 0.5, 0.5]);
      expect(await ask(three, cold), "and learns nothing of it").toEqual([1, 0.5, 0]);
      await scorer.close();
    });

    it("prefers who was sent no cold request, then whose lies back longest", async () => {
      const { ask, scorer } = await openLru(open);
      await ask(three, cold, { decode: 0 });
      expect(await ask(three, cold, { decode: 1 })).toEqual([0, 1, 0.5]);
      expect(await ask(three, cold, { decode: 0 })).toEqual([0.5, 0, 1]);
      expect(await ask(three, cold)).toEqual([0, 0.5, 1]);
      await scorer.close();
    });

    it("counts who prefilled too", async () => {
      const { ask, scorer } = await openLru(open);
      await ask(three, cold, { decode: 0, prefill: 2 });
      expect(await ask(three, cold)).toEqual([0.5, 1, 0]);
      await scorer.close();
    });
  });
}

describe("no-hit-lru-scorer", () => {
  it("rates a single candidate 1", async () => {
    const { ask } = await openLru();
    await ask(["a"], [0], { decode: 0 });
    expect(await ask(["a"], [0])).toEqual([1]);
  });

  it("takes a prompt of which no match is told for cold", async () => {
    const { ask } = await openLru();
    expect(await ask(three, [unknown, unknown, unknown], { decode: 0 })).toEqual([1, 0.5, 0]);
    expect(await ask(three, cold)).toEqual([0, 1, 0.5]);
  });

  it("forgets whose turn lies back longest where its memory is full", async () => {
    const { ask } = await openLru(local, { lruSize: 1 });
    await ask(three, cold, { decode: 0 });
    await ask(three, cold, { decode: 1 });
    expect(await ask(three, cold)).toEqual([1, 0, 0.5]);
  });

  it("forgets an endpoint that was replaced", async () => {
    const { ask } = await openLru();
    await ask(three, cold, { decode: 0 });
    expect(await ask(["new", "b", "c"], cold)).toEqual([1, 0.5, 0]);
  });

  it("learns nothing of a request that was sent nowhere", async () => {
    const { ask, scorer } = await openLru();
    const call = fakeCall({ pool: three.map((id) => ({ id })) });
    await scorer.score(call);
    const usage = { promptTokens: 0, cachedTokens: 0, outputTokens: 0, ttftUs: 0, e2eMs: 0, status: 0 };
    const { callId } = call;
    await scorer.feedback({ kind: "done", callId, slot: 0, atMs: 1, cause: "never_sent", ...usage });
    await scorer.feedback(picked(callId, 0, { decode: 0 }));
    expect(await ask(three, cold)).toEqual([1, 0.5, 0]);
  });

  it("ranks among the candidates alone, in bounded memory", async () => {
    const { scorer } = await openLru(local, { lruSize: 2 });
    const pool = Array.from({ length: 300 }, (_, i) => ({ id: `e${i}` }));
    for (let slot = 0; slot < 300; slot++) {
      const call = fakeCall({ pool });
      await scorer.score(call);
      await scorer.feedback(picked(call.callId, slot, { decode: slot }));
    }
    expect([...(await scorer.score(fakeCall({ pool, candidates: [1, 298, 299] })))]).toEqual([1, 0.5, 0]);
  });

  for (const lruSize of [0, 1.5, "many"]) {
    it(`refuses lruSize ${lruSize}`, () => expect(noHitLruScorer.config.safeParse({ lruSize }).success).toBe(false));
  }
});
