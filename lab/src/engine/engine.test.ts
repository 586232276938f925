import { describe, expect, it } from "vitest";
import type { Engine, EngineConfig, EngineEvent, EngineRequest } from "./contract.ts";
import { createEngine } from "./engine.ts";
import { parseEngineShape } from "./presets.ts";

const shape = parseEngineShape("qwen3-32b:h100:2");

describe("an engine refuses", () => {
  const limits: { title: string; config: Partial<EngineConfig>; message: RegExp }[] = [
    {
      title: "a cache of less than a block",
      config: { kvTokens: 15 },
      message: /totalBlocks must be at least 1, not 0/,
    },
    { title: "a running cap of none", config: { maxRunning: 0 }, message: /maxRunning must be at least 1/ },
    { title: "a budget that is no number", config: { maxBatchTokens: Number.NaN }, message: /maxBatchTokens .* NaN/ },
  ];
  for (const { title, config, message } of limits) {
    it(title, () => expect(() => createEngine({ ...shape, ...config })).toThrow(message));
  }

  it("an empty prompt and an empty answer", () => {
    const engine = createEngine(shape);
    expect(() => engine.submit(request(1, 0, 1), 0)).toThrow(/0 prompt/);
    expect(() => engine.submit(request(1, 1, 0), 0)).toThrow(/0 output/);
  });

  it("an id that is not ended", () => {
    const engine = createEngine(shape);
    engine.submit(request(1, 16, 4), 0);
    expect(() => engine.submit(request(1, 16, 4), 0)).toThrow(/request 1 is not ended/);
  });

  it("as a value, what could never fit", () => {
    const engine = createEngine({ ...shape, kvTokens: 160 });
    expect(engine.submit(request(1, 157, 4), 0)).toBe("too_long");
    expect(engine.submit(request(1, 156, 4), 0)).toBe("queued");
  });

  it("a slowdown of 0", () => expect(() => createEngine(shape).setSlowdown(0, 0)).toThrow(/above 0/));
});

describe("scheduling", () => {
  it("admits in order of arrival, up to the running cap", () => {
    const engine = createEngine({ ...shape, maxRunning: 2 });
    for (const id of [1, 2, 3]) engine.submit(request(id, 100, 10), 0);
    expect(engine.step(1)).toEqual([]);
    expect(engine.stats()).toMatchObject({ running: 2, waiting: 1 });
    expect([1, 2, 3, 4].map((id) => engine.isRunning(id))).toEqual([true, true, false, false]);
    expect(ids(drain(engine), "done")).toEqual([1, 2, 3]);
  });

  it("keeps a request waiting until all blocks of its prompt are free, and those behind it too", () => {
    const engine = createEngine({ ...shape, kvTokens: 160 });
    engine.submit(request(1, 90, 4), 0);
    engine.submit(request(2, 100, 4), 0);
    engine.submit(request(3, 10, 4), 0);
    engine.step(1);
    expect(engine.stats()).toMatchObject({ running: 1, waiting: 2 });
    expect(ids(drain(engine), "first_token")).toEqual([1, 2, 3]);
  });

  it("computes a long prompt in chunks while others decode", () => {
    const engine = createEngine({ ...shape, maxBatchTokens: 1000 });
    engine.submit(request(1, 100, 50, { stream: true }), 0);
    engine.submit(request(2, 5000, 2), 1);
    const events = drain(engine);
    const first = events.find(({ kind, id }) => kind === "first_token" && id === 2)!;
    const before = events.filter(({ kind, id, atMs }) => kind === "tokens" && id === 1 && atMs <= first.atMs);
    expect(before).toHaveLength(6);
  });

  it("preempts the request admitted last when blocks run out, and computes it again", () => {
    const engine = createEngine({ ...shape, kvTokens: 320 });
    engine.submit(request(1, 150, 100), 0);
    engine.submit(request(2, 150, 100), 0);
    const events = drain(engine);
    expect(ids(events, "preempted")).toEqual([2]);
    expect(ids(events, "first_token")).toEqual([1, 2]);
    expect(results(events)).toMatchObject([{ preemptions: 0 }, { preemptions: 1, outputTokens: 100 }]);
    expect(engine.stats()).toMatchObject({ preemptions: 1, completed: 2, usedBlocks: 0 });
  });

  it("takes as long as the slowdown says", () => {
    const [plain, slow] = [1, 3].map((factor) => {
      const engine = createEngine(shape);
      engine.setSlowdown(factor, 0);
      engine.submit(request(1, 1000, 20), 0);
      return results(drain(engine))[0].doneMs;
    });
    expect(slow / plain).toBeCloseTo(3, 9);
  });

  it("starts with what comes in the same instant in one step", () => {
    const engine = createEngine(shape);
    for (const id of [1, 2]) engine.submit(request(id, 100, 1), 5);
    const [first, second] = results(drain(engine));
    expect(first.doneMs).toBe(second.doneMs);
  });
});

describe("the prefix cache", () => {
  it("finds the blocks of an earlier prompt, in tokens, but always computes the last token", () => {
    const engine = createEngine(shape);
    const blockKeys = Float64Array.from([1, 2, 3, 4]);
    engine.submit(request(1, 64, 1, { blockKeys }), 0);
    engine.submit(request(2, 64, 1, { blockKeys }), 1000);
    expect(results(drain(engine)).map(({ cachedTokens }) => cachedTokens)).toEqual([0, 48]);
    expect(engine.stats()).toMatchObject({ queriedTokens: 128, cachedTokens: 48 });
  });

  it("stops at the first block that differs", () => {
    const engine = createEngine(shape);
    engine.submit(request(1, 100, 1, { blockKeys: Float64Array.from([1, 2, 3, 4]) }), 0);
    engine.submit(request(2, 100, 1, { blockKeys: Float64Array.from([1, 9, 3, 4]) }), 1000);
    expect(results(drain(engine))[1].cachedTokens).toBe(16);
  });

  it("finds an answer again as part of the next turn's prompt", () => {
    const engine = createEngine(shape);
    const blockKeys = Float64Array.from([1, 2, 3, 4, 5]);
    engine.submit(request(1, 32, 40, { blockKeys: blockKeys.subarray(0, 4) }), 0);
    drain(engine);
    engine.submit(request(2, 80, 1, { blockKeys }), 10_000);
    expect(results(drain(engine))[0].cachedTokens).toBe(64);
  });

  it("makes the first token come sooner", () => {
    const engine = createEngine(shape);
    const blockKeys = Float64Array.from({ length: 450 }, (_, i) => i);
    engine.submit(request(1, 7200, 1, { blockKeys: blockKeys.subarray(0, 375) }), 0);
    engine.submit(request(2, 7200, 1, { blockKeys }), 10_000);
    const [cold, warm] = results(drain(engine)).map(({ firstTokenMs, submittedMs }) => firstTokenMs - submittedMs);
    expect(warm).toBeLessThan(cold / 4);
  });

  it("forgets the end of what was used least recently when blocks are needed", () => {
    const engine = createEngine({ ...shape, kvTokens: 16 * 16 });
    const prompts = [100, 200, 300, 100].map((base) => Float64Array.from({ length: 6 }, (_, i) => base + i));
    for (const [i, blockKeys] of prompts.entries()) engine.submit(request(i, 97, 1, { blockKeys }), i * 1000);
    expect(results(drain(engine)).map(({ cachedTokens }) => cachedTokens)).toEqual([0, 0, 0, 32]);
    engine.submit(request(9, 97, 1, { blockKeys: prompts[2] }), 10_000);
    expect(results(drain(engine))[0].cachedTokens).toBe(96);
  });
});

describe("blocks that another engine computed", () => {
  const blockKeys = Float64Array.from({ length: 450 }, (_, i) => i);
  const ttftOf = (more: Partial<EngineRequest>) => {
    const engine = createEngine(shape);
    engine.submit(request(1, 7200, 4, { blockKeys, ...more }), 0);
    return results(drain(engine))[0].firstTokenMs;
  };

  it("make the first token come as soon as where all was cached, and sooner the more there are", () => {
    const [alone, half, all] = [0, 3600, 7200].map((transferredTokens) => ttftOf({ transferredTokens }));
    expect(half).toBeLessThan(alone);
    expect(all).toBeLessThan(half / 4);
  });

  it("are no hits of the cache here, and may be hit from then on", () => {
    const engine = createEngine(shape);
    engine.submit(request(1, 7200, 4, { blockKeys, transferredTokens: 7200 }), 0);
    expect(results(drain(engine))[0]).toMatchObject({ cachedTokens: 0 });
    engine.submit(request(2, 7200, 4, { blockKeys }), 10_000);
    expect(results(drain(engine))[0].cachedTokens).toBe(449 * 16);
  });

  it("are computed here once they were lost to an older request", () => {
    const engine = createEngine({ ...shape, kvTokens: 320 });
    engine.submit(request(1, 160, 120), 0);
    engine.submit(request(2, 128, 120, { transferredTokens: 128 }), 0);
    const done = results(drain(engine));
    expect(done.map(({ preemptions }) => preemptions)).toEqual([0, 1]);
    expect(done.map(({ outputTokens }) => outputTokens)).toEqual([120, 120]);
  });
});

it("tells how many tokens a request has so far, exact to the step", () => {
  const engine = createEngine(shape);
  engine.submit(request(1, 1000, 100), 0);
  const firstMs = engine.nextStepAtMs();
  engine.step(firstMs);
  const stepMs = engine.nextTokenAtMs();
  expect([engine.tokensOf(1, firstMs), engine.tokensOf(1, stepMs - 1e-6), engine.tokensOf(2, stepMs)]).toEqual([
    0, 0, 0,
  ]);
  engine.step(stepMs);
  expect(engine.tokensOf(1, stepMs)).toBe(1);
  while (engine.tokensOf(1, engine.nextTokenAtMs()) < 50) engine.step(engine.nextTokenAtMs());
  expect(engine.tokensOf(1, engine.nextTokenAtMs())).toBe(50);
  drain(engine);
  expect(engine.tokensOf(1, 1e6)).toBe(0);
});

describe("abort", () => {
  it("frees the slot and the blocks of a running request at once", () => {
    const engine = createEngine(shape);
    engine.submit(request(1, 1000, 100), 0);
    engine.step(500);
    expect(engine.abort(1, 501)).toBe(true);
    expect(engine.stats()).toMatchObject({ running: 0, usedBlocks: 0, aborted: 1 });
    expect(drain(engine)).toEqual([]);
  });

  it("takes a waiting request out of the queue", () => {
    const engine = createEngine({ ...shape, maxRunning: 1 });
    for (const id of [1, 2, 3]) engine.submit(request(id, 100, 5), 0);
    engine.step(1);
    expect(engine.abort(2, 1)).toBe(true);
    expect(ids(drain(engine), "done")).toEqual([1, 3]);
  });

  it("lets the next in the queue run from the next step on", () => {
    const engine = createEngine({ ...shape, maxRunning: 1 });
    engine.submit(request(1, 100, 1000), 0);
    engine.submit(request(2, 100, 1), 0);
    engine.step(1000);
    engine.abort(1, 1000);
    expect(results(drain(engine))[0].admittedMs).toBeLessThan(1020);
  });

  it("is false for a request that is unknown or ended", () => {
    const engine = createEngine(shape);
    engine.submit(request(1, 16, 1), 0);
    drain(engine);
    expect([engine.abort(1, 9999), engine.abort(2, 9999)]).toEqual([false, false]);
  });
});

/** Steps an engine until it is idle, from token to token so that streams tell each. */
function drain(engine: Engine): EngineEvent[] {
  const events: EngineEvent[] = [];
  while (engine.nextTokenAtMs() !== Number.POSITIVE_INFINITY) events.push(...engine.step(engine.nextTokenAtMs()));
  return events;
}

function request(id: number, promptTokens: number, outputTokens: number, more: Partial<EngineRequest> = {}) {
  return { id, promptTokens, outputTokens, blockKeys: new Float64Array(0), ...more };
}

function ids(events: readonly EngineEvent[], kind: EngineEvent["kind"]): number[] {
  return events.filter((event) => event.kind === kind).map(({ id }) => id);
}

function results(events: readonly EngineEvent[]) {
  return events.flatMap((event) => (event.kind === "done" ? [event.result] : []));
}
