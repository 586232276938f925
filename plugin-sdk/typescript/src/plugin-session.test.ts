import { setImmediate as turn } from "node:timers/promises";
import type { EndpointChange, FeedbackEvent, ScoreCall } from "@outrider/core/contract";
import { OutriderError } from "@outrider/core/contract";
import { fakeCall, fakeSnapshot } from "@outrider/transport/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineProducer, defineScorer } from "./define.ts";
import { configured, connect, json, picked, scorer, serverOf, snapshot } from "./fixtures/test-session.ts";

describe("a scorer that fails", () => {
  const boom = (error: unknown) => () => {
    throw error;
  };
  const cases = [
    { title: "by throwing", score: boom(new Error("boom")), code: "SCORER_FAILED", says: "internal: boom" },
    { title: "by throwing no error", score: boom("boom"), code: "SCORER_FAILED", says: "internal: boom" },
    {
      title: "by rejecting",
      score: async () => boom(new Error("boom"))(),
      code: "SCORER_FAILED",
      says: "internal: boom",
    },
    {
      title: "as unavailable",
      score: boom(new OutriderError("SCORER_UNAVAILABLE", "no model")),
      code: "SCORER_UNAVAILABLE",
      says: "no model",
    },
    { title: "at length", score: boom(new Error("x".repeat(5_000))), code: "SCORER_FAILED", says: "x".repeat(200) },
    {
      title: "with an infinity",
      score: (_: ScoreCall, scores: Float32Array) => void scores.fill(1 / 0),
      code: "SCORES_INVALID",
      says: "Infinity",
    },
  ];
  for (const { title, score, code, says } of cases) {
    it(`${title} fails that call alone, and is logged once`, async () => {
      const plugin = await configured(scorer(score));
      for (let i = 0; i < 2; i += 1) {
        const error = await plugin.score(fakeCall({ pool: snapshot })).catch((cause: OutriderError) => cause);
        expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
        expect((error as OutriderError).message.length).toBeLessThan(300);
      }
      expect(plugin.log).toHaveLength(code === "SCORES_INVALID" ? 0 : 1);
    });
  }

  it("in its hooks is logged, and goes on", async () => {
    const plugin = await configured({
      ...scorer((_, scores) => void scores.fill(1)),
      create: () => ({
        score: (_: ScoreCall, scores: Float32Array) => void scores.fill(1),
        endpointsChanged: boom(new Error("bad")),
        feedback: boom(new Error("worse")),
      }),
    });
    plugin.session.feedback([{ instance: 1, event: picked(1) }], 0);
    expect([...(await plugin.score(fakeCall({ pool: snapshot })))]).toEqual([1, 1]);
    expect(plugin.log).toEqual(["test: endpointsChanged failed: bad", "test: feedback failed: worse"]);
  });
});

describe("a host that is out of step", () => {
  it("is told that an instance does not exist", async () => {
    const plugin = await configured(scorer(() => {}));
    await expect(plugin.score(fakeCall({ pool: snapshot }), { ...plugin.instance, id: 9 })).rejects.toMatchObject({
      code: "PROTOCOL_VIOLATION",
      message: expect.stringContaining("no instance 9"),
    });
  });

  it("is refused before it says hello", async () => {
    const session = connect(serverOf([scorer(() => {})]));
    await expect(session.configure({ instances: [] })).rejects.toMatchObject({
      code: "SCORER_UNAVAILABLE",
      message: expect.stringContaining("hello"),
    });
  });

  it("is refused after bytes that are no frame", async () => {
    const ended: string[] = [];
    const plugin = serverOf([scorer(() => {})]).connect({ write: () => {}, end: (code) => ended.push(code) });
    plugin.received(Buffer.from([0, 0xff, 0, 0, 0]));
    expect(ended).toEqual(["invalid_argument"]);
    expect(plugin.isOpen).toBe(false);
  });
});

describe("a configuration", () => {
  const strict = defineScorer({
    type: "strict",
    category: "balance",
    state: "none",
    needs: [],
    config: z.strictObject({ share: z.number().max(1), names: z.array(z.string().min(1)) }),
    create: () => ({ score: () => {} }),
  });
  const fragile = {
    ...strict,
    type: "fragile",
    config: z.unknown(),
    create() {
      throw new Error("no file");
    },
  };

  it("is refused with all its faults at once, by path", async () => {
    const session = connect(serverOf([strict, fragile]));
    await session.hello({});
    const { errors } = await session.configure({
      instances: [
        { id: 1, type: "strict", configJson: json({ share: 2, names: ["a", ""] }) },
        { id: 2, type: "other" },
        { id: 3, type: "strict", configJson: Buffer.from("{") },
        { id: 4, type: "fragile" },
      ],
    });
    expect(errors.map(({ instance, path }) => [instance, path])).toEqual([
      [1, "share"],
      [1, "names[1]"],
      [2, ""],
      [3, ""],
      [4, ""],
    ]);
    expect(errors[2]?.message).toContain("this plugin serves strict, fragile");
    expect(errors[4]?.message).toContain("no file");
  });

  it("is described by the handshake", async () => {
    const producer = defineProducer({
      type: "made",
      state: "shared",
      needs: [],
      produces: ["data.predicted_ttft_ms"],
      config: z.unknown(),
      create: () => ({ produce: () => {} }),
    });
    const described = {
      ...strict,
      type: "described",
      maxConcurrency: 5,
      needs: ["waiting_requests", { key: "request.headers", names: ["x-a"], required: true }],
    } as const;
    const { scorers, plugin, bootId } = await connect(serverOf([described, producer])).hello({});
    expect([plugin, bootId]).toEqual(["test", "boot"]);
    expect(scorers[0]).toMatchObject({
      type: "described",
      category: 3,
      role: 1,
      state: 1,
      maxConcurrency: 5,
      needs: [{ key: "waiting_requests" }, { key: "request.headers", names: ["x-a"], required: true }],
    });
    expect(JSON.parse(Buffer.from(scorers[0]!.configJsonSchema).toString())).toMatchObject({
      required: ["share", "names"],
      properties: { share: { maximum: 1 } },
    });
    expect(scorers[1]).toMatchObject({ type: "made", role: 2, state: 3, produces: ["predicted_ttft_ms"] });
  });

  it("needs one definition of each type", () => {
    expect(() => serverOf([])).toThrow(OutriderError);
    expect(() => serverOf([strict, strict])).toThrow(/strict is served twice/);
  });
});

describe("a veto", () => {
  it("reaches a host that has granted it, by position, also when an endpoint has left meanwhile", async () => {
    const plugin = await configured(
      scorer(({ candidates, veto }, scores) => {
        scores.fill(1);
        veto(candidates.length - 1);
        veto(-1);
        veto(candidates.length);
      }),
      { granted: [{ key: "veto" }] },
    );
    const before = fakeSnapshot([{}, {}, {}]);
    const call = fakeCall({ pool: before });
    await plugin.score(call);
    expect(call.vetoed).toEqual(Uint8Array.of(0, 0, 1));
    await plugin.publish(fakeSnapshot([{ slot: 0 }, { slot: 2 }]));
    const late = fakeCall({ pool: before });
    await plugin.session.score(plugin.instance, late, new Float32Array(3));
    expect(late.vetoed).toEqual(Uint8Array.of(0, 0, 1));
  });

  it("of nobody is none", async () => {
    const plugin = await configured(
      scorer((_, scores) => void scores.fill(1)),
      { granted: [{ key: "veto" }] },
    );
    const call = fakeCall({ pool: snapshot });
    await plugin.score(call);
    expect(call.vetoed).toBeUndefined();
  });
});

describe("health", () => {
  it("is told after each configuration, and whenever it changes", async () => {
    const server = serverOf([scorer(() => {})]);
    server.health.set(false, "loading");
    const plugin = await configured(
      scorer(() => {}),
      { server },
    );
    await plugin.session.ping(5_000);
    expect(plugin.told.health).toEqual(["false loading"]);
    server.health.set(true, "");
    server.health.set(true, "");
    await plugin.session.ping(5_000);
    expect(plugin.told.health).toEqual(["false loading", "true "]);
    plugin.session.close();
    server.health.set(false, "gone");
    await turn();
    expect(plugin.told.health).toHaveLength(2);
  });
});

describe("a call", () => {
  it("shows the same values that the host has", async () => {
    const seen: unknown[] = [];
    const plugin = await configured(
      scorer((call) => {
        const { columns, endpoints, request, data } = call;
        seen.push(
          call.callId,
          [...call.candidates],
          columns.waitingRequests[1],
          columns.ageMs("waiting_requests", 1),
          columns.ageMs("waiting_requests", 0),
        );
        seen.push(
          [...columns.inflightRequests],
          columns.get("inflight_requests")[1],
          columns.ageMs("inflight_requests", 1),
          [...columns.get("no_such")],
        );
        seen.push(
          endpoints.at(1)?.address,
          endpoints.at(7),
          request.sessionKey,
          request.pinnedSlot,
          request.promptTokens,
          [...request.blockHashes],
        );
        seen.push(
          [...data.get("data.uncached_tokens")],
          [...data.get("data.other")],
          call.profile,
          call.peers,
          call.nowMs,
          call.seed,
          call.random(),
        );
      }),
      {
        granted: [{ key: "request.session_key" }, { key: "request.block_hashes" }],
        data: [{ id: 90, key: "data.uncached_tokens" }],
      },
    );
    const pool = fakeSnapshot([{}, { waiting_requests: 2.5, ageMs: 10 }, {}], { takenAtMs: 1000.7 });
    const counts = {
      requests: Float32Array.of(0, 4, 0),
      promptTokens: new Float32Array(3),
      outputTokens: new Float32Array(3),
    };
    const call = fakeCall({
      pool,
      candidates: [0, 1],
      inflight: counts,
      nowMs: 1005.2,
      seed: 0xdeadbeef,
      callId: 71,
      profile: "decode",
      peers: [{ profile: "prefill", slot: 2 }],
      data: { "data.uncached_tokens": [5, Number.NaN] },
      request: { sessionKey: "s", promptTokens: 9, blockHashes: Uint32Array.of(1, 2) },
    });
    const random = call.random();
    await plugin.score(call);
    expect(seen).toEqual([
      ...[71, [0, 1], 2.5, 15, Number.POSITIVE_INFINITY],
      ...[[0, 4, 0], 4, 0, [Number.NaN, Number.NaN, Number.NaN]],
      ...["10.0.0.1:8000", undefined, "s", -1, 9, [1, 2]],
      ...[
        [5, Number.NaN],
        [Number.NaN, Number.NaN],
        "decode",
        [{ profile: "prefill", slot: 2 }],
        1005.2,
        0xdeadbeef,
        random,
      ],
    ]);
  });

  it("is abstained for a slot that has left, without the scorer seeing it", async () => {
    const seen: number[][] = [];
    const plugin = await configured(
      scorer(({ candidates, data }, scores) => {
        seen.push([...candidates], [...data.get("data.uncached_tokens")]);
        scores.fill(1);
      }),
      { data: [{ id: 90, key: "data.uncached_tokens" }] },
    );
    const before = fakeSnapshot([{}, {}, {}]);
    await plugin.score(fakeCall({ pool: before }));
    await plugin.publish(fakeSnapshot([{ slot: 0 }, { slot: 2 }]));
    const call = fakeCall({ pool: before, data: { "data.uncached_tokens": [1, 2, 3] } });
    const scores = new Float32Array(3).fill(Number.NaN);
    await plugin.session.score(plugin.instance, call, scores);
    expect([...scores]).toEqual([1, Number.NaN, 1]);
    expect(seen.slice(2)).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it("that takes its time keeps what it was given while the table moves on", async () => {
    const gate = Promise.withResolvers<void>();
    const plugin = await configured(
      scorer(async ({ columns: { waitingRequests, inflightRequests } }, scores) => {
        await gate.promise;
        scores[0] = waitingRequests[0]! / 10 + inflightRequests[0]! / 100;
      }),
    );
    const inflight = (count: number) => ({
      requests: Float32Array.of(count, 0),
      promptTokens: new Float32Array(2),
      outputTokens: new Float32Array(2),
    });
    const first = plugin.score(fakeCall({ pool: snapshot, inflight: inflight(1) }));
    await turn();
    await plugin.publish(fakeSnapshot([{ waiting_requests: 5 }, {}]));
    const second = plugin.score(fakeCall({ pool: plugin.current(), inflight: inflight(3) }));
    await turn();
    gate.resolve();
    expect([(await first)[0], (await second)[0]]).toEqual([Math.fround(0.11), Math.fround(0.53)]);
  });

  it("over the concurrency of its type waits for its turn, and is dropped when its budget runs out there", async () => {
    let nowMs = 0;
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const started: number[] = [];
    const slow = scorer(async ({ callId }, scores) => {
      started.push(callId);
      await gates[started.length - 1]!.promise;
      scores.fill(1);
    });
    const plugin = await configured({ ...slow, maxConcurrency: 1 }, { clock: () => nowMs, instances: 3 });
    const [first, second, third] = [1, 2, 3].map((callId) =>
      plugin
        .score(fakeCall({ pool: snapshot, callId, budgetUs: callId === 2 ? 2_000 : 60_000 }))
        .catch((cause: OutriderError) => cause),
    );
    await turn();
    expect(started).toEqual([1]);
    nowMs = 5;
    gates[0]!.resolve();
    await first;
    expect(await second).toMatchObject({ code: "SCORER_DEADLINE" });
    await turn();
    expect(started).toEqual([1, 3]);
    gates[1]!.resolve();
    expect(await third).toEqual(Float32Array.of(1, 1));
  });

  it("is answered with the reason", async () => {
    const plugin = await configured(scorer(() => "cold"));
    expect(await plugin.session.score(plugin.instance, fakeCall({ pool: snapshot }), new Float32Array(2))).toBe("cold");
  });

  it("to a producer brings its values, NaN where they are unknown", async () => {
    const producer = defineProducer({
      type: "test",
      state: "none",
      needs: [],
      produces: ["data.prefix_match_blocks", "data.prefix_total_blocks"],
      config: z.unknown(),
      create: () => ({
        produce(_, [matches, totals]) {
          matches![1] = 3;
          totals!.fill(8);
        },
      }),
    });
    const data = producer.produces.map((key, i) => ({ id: 40 + i, key }));
    const plugin = await configured(producer, { data, produces: producer.produces });
    const values = [new Float32Array(2).fill(Number.NaN), new Float32Array(2).fill(Number.NaN)];
    await plugin.session.produce(plugin.instance, fakeCall({ pool: snapshot }), values);
    expect(values.map((column) => [...column])).toEqual([
      [Number.NaN, 3],
      [8, 8],
    ]);
  });
});

describe("what an instance has learned", () => {
  const learning = () => {
    const known: string[] = [];
    const definition = defineScorer({
      type: "test",
      category: "affinity",
      state: "local",
      needs: ["events.picked"],
      config: z.object({ size: z.number().default(1) }),
      create: () => {
        known.push("created");
        return {
          score: () => {},
          endpointsChanged: ({ removedSlots, upserted }: EndpointChange) =>
            void known.push(`-${removedSlots} +${upserted.map(({ slot }) => slot)}`),
          feedback: (event: FeedbackEvent) => void known.push(`${event.kind} ${event.callId}`),
        };
      },
    });
    return { known, definition };
  };

  it("comes in the order it happened", async () => {
    const { known, definition } = learning();
    const plugin = await configured(definition);
    plugin.session.feedback(
      [
        { instance: 1, event: picked(5) },
        { instance: 1, event: picked(6) },
        { instance: 8, event: picked(7) },
      ],
      0,
    );
    await plugin.publish(fakeSnapshot([{ id: "pool/new" }]));
    expect(known).toEqual(["created", "- +0,1", "picked 5", "picked 6", "-0,1 +0"]);
  });

  it("outlives the connection of the same host, and the configuration where it is the same", async () => {
    const { known, definition } = learning();
    const server = serverOf([definition]);
    await configured(definition, { server, host: "h1" });
    await configured(definition, { server, host: "h1" });
    expect(known).toEqual(["created", "- +0,1"]);
    await configured(definition, { server, host: "h1", parameters: { size: 2 } });
    expect(known.slice(2)).toEqual(["created", "- +0,1"]);
    await configured(definition, { server, host: "h2" });
    expect(known.slice(4)).toEqual(["created", "- +0,1"]);
  });

  it("is not mixed up with that of a host which replaces its own connection", async () => {
    const { definition } = learning();
    const server = serverOf([definition]);
    const first = await configured(definition, { server, host: "h1" });
    await configured(definition, { server, host: "h1" });
    await expect(first.score(fakeCall({ pool: snapshot }))).rejects.toMatchObject({
      code: "SCORER_UNAVAILABLE",
      message: expect.stringContaining("another session"),
    });
  });
});

it("is drained when the last call is answered", async () => {
  const gate = Promise.withResolvers<void>();
  const plugin = await configured(scorer(() => gate.promise));
  const call = plugin.score(fakeCall({ pool: snapshot }));
  await turn();
  let isDrained = false;
  const drained = plugin.session.drain(5_000).then((handoff) => {
    isDrained = true;
    return handoff;
  });
  await plugin.session.ping(5_000);
  expect(isDrained).toBe(false);
  gate.resolve();
  await call;
  expect(await drained).toHaveLength(0);
});

it("accepts as many calls as its instances do together", async () => {
  const plugin = await configured({ ...scorer(() => {}), maxConcurrency: 7 });
  await plugin.session.ping(5_000);
  expect(plugin.session.credit).toBe(7);
});
