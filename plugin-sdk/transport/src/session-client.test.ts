import { create, toBinary } from "@bufbuild/protobuf";
import { type CycleCall, OutriderError } from "@outrider/core/contract";
import {
  type ScoreBatch,
  ScoreBatchResultSchema,
  ScoreRequestSchema,
  SessionResponseSchema,
} from "@outrider/protos/scorer";
import { describe, expect, it } from "vitest";
import type { ResponseFrame } from "./session-frames.ts";
import type { InstanceEvent } from "./session-types.ts";
import { fakeCall, fakeSnapshot } from "./testing/index.ts";
import {
  createScriptedPlugin,
  type ScriptedPlugin,
  scriptedEpoch,
  scriptedInstance,
} from "./testing/scripted-plugin.ts";

type Hello = Extract<ResponseFrame, { case: "hello" }>["value"];

const snapshot = fakeSnapshot([{ waiting_requests: 1 }, { waiting_requests: 2 }], { rev: 1 });
const columns = [
  { id: 1, key: "waiting_requests", unit: "requests" },
  { id: 2, key: "inflight_requests", unit: "requests" },
];

describe("a plugin that breaks the contract", () => {
  const answer = { callId: 5, epoch: scriptedEpoch, rev: 1 };
  const cases = [
    { title: "answers with the wrong count", result: { ...answer, scores: [1] }, code: "SCORES_INVALID" },
    { title: "answers NaN", result: { ...answer, scores: [1, Number.NaN] }, code: "SCORES_INVALID" },
    { title: "answers Infinity", result: { ...answer, scores: [1, Number.POSITIVE_INFINITY] }, code: "SCORES_INVALID" },
    { title: "answers on another epoch", result: { ...answer, epoch: 1, scores: [1, 1] }, code: "PROTOCOL_VIOLATION" },
    {
      title: "answers on an older revision",
      result: { ...answer, rev: 0, scores: [1, 1] },
      code: "PROTOCOL_VIOLATION",
    },
    {
      title: "calls the call wrong",
      result: { ...answer, error: { code: "invalid_argument" } },
      code: "PROTOCOL_VIOLATION",
    },
  ];
  for (const { title, result, code } of cases) {
    it(`and ${title} fails that call, and is reported`, async () => {
      const plugin = await configured();
      const scores = new Float32Array(2).fill(Number.NaN);
      const call = plugin.client.score(scriptedInstance, fakeCall({ pool: snapshot, callId: 5 }), scores);
      plugin.send({ case: "scores", value: { results: [result] } });
      await expect(call).rejects.toMatchObject({ code });
      expect(plugin.told).toEqual([expect.stringContaining(`violation ${code}`)]);
      expect([...scores]).toEqual([Number.NaN, Number.NaN]);
      expect(plugin.client.outstanding).toBe(0);
    });
  }

  it("and answers twice is reported, and the first answer counts", async () => {
    const plugin = await configured();
    const call = plugin.client.score(scriptedInstance, fakeCall({ pool: snapshot, callId: 5 }), new Float32Array(2));
    plugin.send({
      case: "scores",
      value: {
        results: [
          { ...answer, scores: [1, 1] },
          { ...answer, scores: [0, 0] },
        ],
      },
    });
    await call;
    expect(plugin.told).toEqual([expect.stringMatching(/violation PROTOCOL_VIOLATION: an answer to call 5/)]);
  });

  it("and answers a call that was never made is reported", async () => {
    const plugin = await configured();
    plugin.send({ case: "scores", value: { results: [{ ...answer, callId: 99, scores: [1] }] } });
    expect(plugin.told).toEqual([expect.stringContaining("call 99, which was never made")]);
  });

  it("and speaks before it says hello is reported", () => {
    const plugin = createScriptedPlugin();
    plugin.send({ case: "credit", value: { maxOutstanding: 1 } });
    plugin.send({ case: "scores", value: { results: [] } });
    expect(plugin.told).toEqual([
      expect.stringContaining("a credit frame before hello"),
      expect.stringContaining("before hello"),
    ]);
  });

  const unasked: readonly ResponseFrame[] = [
    { case: "hello", value: {} },
    { case: "configured", value: {} },
    { case: "stateAck", value: {} },
    { case: "drained", value: {} },
    { case: "pong", value: { seq: 3 } },
  ];
  for (const frame of unasked) {
    it(`and sends a ${frame.case} frame unasked is reported`, async () => {
      const plugin = await configured();
      plugin.send(frame);
      expect(plugin.told).toEqual([expect.stringContaining(`a ${frame.case} frame nobody asked for`)]);
    });
  }

  it("and sends a message that is none goes on being heard", async () => {
    const plugin = await configured();
    plugin.sendMessage(Buffer.from("hello, world"));
    plugin.sendMessage(Buffer.from([0x22, 3, 0x0a, 9, 1]));
    plugin.send({ case: "health", value: { ready: true } });
    expect(plugin.told.map((line) => line.split(":")[0])).toEqual([
      "violation PROTOCOL_VIOLATION",
      "violation PROTOCOL_VIOLATION",
      "health true ",
    ]);
  });

  const broken = [
    { title: "a frame over 1 MiB", bytes: Buffer.from([0, 0, 16, 0, 1]) },
    { title: "a compressed frame", bytes: Buffer.from([1, 0, 0, 0, 0]) },
  ];
  for (const { title, bytes } of broken) {
    it(`and sends ${title} loses the session, and its calls fail`, async () => {
      const plugin = await configured();
      const call = plugin.client.score(scriptedInstance, fakeCall({ pool: snapshot }), new Float32Array(2));
      plugin.sendBytes(bytes);
      await expect(call).rejects.toMatchObject({ code: "PROTOCOL_VIOLATION" });
      expect(plugin.isClosed()).toBe(true);
      expect(plugin.told).toEqual([expect.stringContaining("violation PROTOCOL"), "closed PROTOCOL_VIOLATION"]);
    });
  }

  it("and grants no call at all is reported, and its credit stays what it was", async () => {
    const plugin = await configured();
    plugin.send({ case: "credit", value: { maxOutstanding: 7 } });
    plugin.send({ case: "credit", value: { maxOutstanding: 0 } });
    expect([plugin.told, plugin.client.credit]).toEqual([[expect.stringContaining("a credit of 0")], 7]);
  });

  it("and hands over too much when drained is refused", async () => {
    const plugin = await configured();
    const drained = plugin.client.drain(20);
    plugin.send({ case: "drained", value: { handoff: new Uint8Array(960 * 1024 + 1) } });
    expect(plugin.told).toEqual([expect.stringContaining("983041 bytes")]);
    await expect(drained).rejects.toMatchObject({ code: "SCORER_DEADLINE" });
  });
});

describe("a call", () => {
  it("travels with the others of its turn in one frame, each matched to its own answer", async () => {
    const plugin = await configured();
    const arrays = [new Float32Array(2), new Float32Array(2), new Float32Array(2)];
    const calls = arrays.map((scores, i) =>
      plugin.client.score(scriptedInstance, fakeCall({ pool: snapshot, callId: 10 + i }), scores),
    );
    await turn();
    expect(callIds(plugin)).toEqual([[10, 11, 12]]);
    const results = [12, 10, 11].map((callId) => ({
      callId,
      epoch: scriptedEpoch,
      rev: 1,
      scores: [callId, 0],
      reason: `r${callId}`,
    }));
    plugin.send({ case: "scores", value: { results: results.slice(0, 1) } });
    plugin.send({ case: "scores", value: { results: results.slice(1) } });
    expect(await Promise.all(calls)).toEqual(["r10", "r11", "r12"]);
    expect(arrays.map(([first]) => first)).toEqual([10, 11, 12]);
  });

  it("beyond 256 of a turn travels in a further frame", async () => {
    const plugin = await configured();
    plugin.send({ case: "credit", value: { maxOutstanding: 1000 } });
    for (let i = 0; i < 300; i += 1) ignore(put(plugin, i + 1));
    await turn();
    expect(callIds(plugin).map(({ length }) => length)).toEqual([256, 44]);
  });

  it("over the plugin's credit is shed at once, and no longer when an answer has come", async () => {
    const plugin = await configured();
    plugin.send({ case: "credit", value: { maxOutstanding: 1 } });
    const first = put(plugin, 1);
    await expect(put(plugin, 2)).rejects.toMatchObject({ code: "SCORER_SHED" });
    plugin.send({ case: "scores", value: { results: [{ callId: 1, epoch: scriptedEpoch, rev: 1, scores: [1, 1] }] } });
    await first;
    ignore(put(plugin, 3));
    await turn();
    expect(callIds(plugin).flat()).toEqual([1, 3]);
  });

  it("whose time has run out holds its credit, and its answer is told as late", async () => {
    const plugin = await configured();
    plugin.send({ case: "credit", value: { maxOutstanding: 1 } });
    const scores = new Float32Array(2);
    const late = plugin.client.score(scriptedInstance, brief(1), scores);
    await passed();
    await expect(put(plugin, 2)).rejects.toMatchObject({ code: "SCORER_SHED" });
    plugin.send({ case: "scores", value: { results: [good(1)] } });
    await late;
    expect(plugin.told).toEqual(["late 1"]);
    expect([plugin.answered, plugin.client.outstanding]).toEqual([[], 0]);
    ignore(put(plugin, 3));
    await turn();
    expect(callIds(plugin).flat()).toEqual([1, 3]);
  });

  it("answered in time is told once, with times that fit together; a rehearsal is not", async () => {
    const plugin = await configured();
    const calls = [put(plugin, 1), plugin.client.score(scriptedInstance, rehearsal(2), new Float32Array(2))];
    await turn();
    plugin.send({ case: "scores", value: { results: [{ ...good(1), pluginUs: 7 }, good(2)] } });
    await Promise.all(calls);
    expect(plugin.answered).toEqual([{ callId: 1, isWhole: true, pluginUs: 7 }]);
  });

  const cancelling: { title: string; features: string[]; want: number[][] }[] = [
    {
      title: "is cancelled, once and with the others that are due, where the plugin can",
      features: ["cancel"],
      want: [[1, 2]],
    },
    { title: "is not cancelled where the plugin cannot", features: ["handoff"], want: [] },
  ];
  for (const { title, features, want } of cancelling) {
    it(`whose time has run out ${title}`, async () => {
      const plugin = await configured({ features });
      const calls = [1, 2].map((callId) => plugin.client.score(scriptedInstance, brief(callId), new Float32Array(2)));
      ignore(put(plugin, 3));
      await passed();
      await passed();
      ignore(put(plugin, 4));
      await turn();
      expect(cancelled(plugin)).toEqual(want);
      const error = { code: "deadline_exceeded" };
      plugin.send({
        case: "scores",
        value: {
          results: [
            { callId: 1, error },
            { callId: 2, error },
          ],
        },
      });
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: "SCORER_DEADLINE" });
      expect(plugin.told).toEqual(["late 1", "late 2"]);
    });
  }

  it("whose time has run out is cancelled though no further call is put", async () => {
    const plugin = await configured({ features: ["cancel"] });
    ignore(plugin.client.score(scriptedInstance, brief(1), new Float32Array(2)));
    await expect.poll(() => cancelled(plugin), { timeout: 5_000 }).toEqual([[1]]);
  });

  it("is one of at most as many in a frame as all types of the plugin take", async () => {
    const scorers = [{ type: "t", maxBatch: 2 }, { type: "other", maxBatch: 1 }, { type: "any" }];
    const plugin = await configured({ scorers });
    for (let callId = 1; callId <= 5; callId += 1) ignore(put(plugin, callId));
    await turn();
    expect(callIds(plugin)).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("is shed for as long as the plugin has said that it is too busy", async () => {
    const plugin = await configured();
    const busy = put(plugin, 1);
    const error = { code: "resource_exhausted", message: "busy", retryAfterMs: 30 };
    plugin.send({ case: "scores", value: { results: [{ callId: 1, error }] } });
    await expect(busy).rejects.toMatchObject({ code: "SCORER_SHED" });
    await expect(put(plugin, 2)).rejects.toMatchObject({ message: expect.stringContaining("too busy") });
    await passed(40);
    ignore(put(plugin, 3));
    await turn();
    expect(callIds(plugin).flat()).toEqual([1, 3]);
  });

  it("has what it rules out ruled out where that was granted, whatever bits lie behind the candidates", async () => {
    const plugin = await configured();
    const granted = { ...scriptedInstance, granted: [{ key: "veto" }] as const };
    const calls = [1, 2].map((callId) => fakeCall({ pool: snapshot, callId }));
    const answers = [granted, scriptedInstance].map((instance, i) =>
      plugin.client.score(instance, calls[i]!, new Float32Array(2)),
    );
    const veto = Uint8Array.of(0b1110);
    plugin.send({
      case: "scores",
      value: {
        results: [
          { ...good(1), veto },
          { ...good(2), veto },
        ],
      },
    });
    await Promise.all(answers);
    expect(calls.map(({ vetoed }) => vetoed)).toEqual([Uint8Array.of(0, 1), undefined]);
  });

  it("is not ruled by an answer that is wrong", async () => {
    const plugin = await configured();
    const granted = { ...scriptedInstance, granted: [{ key: "veto" }] as const };
    const call = fakeCall({ pool: snapshot, callId: 1 });
    const answer = plugin.client.score(granted, call, new Float32Array(2));
    plugin.send({ case: "scores", value: { results: [{ ...good(1), scores: [1], veto: Uint8Array.of(1) }] } });
    await expect(answer).rejects.toMatchObject({ code: "SCORES_INVALID" });
    expect(call.vetoed).toBeUndefined();
  });

  it("fails with what the plugin says, and the others of its batch do not", async () => {
    const plugin = await configured();
    const [first, second] = [put(plugin, 1), put(plugin, 2)];
    const error = { code: "resource_exhausted", message: "busy", retryAfterMs: 30 };
    const good = { callId: 2, epoch: scriptedEpoch, rev: 1, scores: [1, 1] };
    plugin.send({ case: "scores", value: { results: [{ callId: 1, error }, good] } });
    await expect(first).rejects.toMatchObject({
      code: "SCORER_SHED",
      cause: { rpcCode: "resource_exhausted", retryAfterMs: 30 },
    });
    await second;
  });

  it("whose state is gone is followed by the whole table", async () => {
    const plugin = await configured();
    const call = put(plugin, 1);
    plugin.send({ case: "scores", value: { results: [{ callId: 1, error: { code: "failed_precondition" } }] } });
    await expect(call).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
    expect(plugin.told).toEqual(["resynced SCORER_UNAVAILABLE"]);
    expect(plugin.frames.at(-1)).toMatchObject({ case: "state", value: { full: true, toRev: 1 } });
  });

  it("is refused before the plugin is configured, knows the endpoints, or while it says it is not ready", async () => {
    const plugin = createScriptedPlugin();
    await expect(put(plugin, 1)).rejects.toMatchObject({
      code: "SCORER_UNAVAILABLE",
      message: expect.stringContaining("not configured"),
    });
    await configure(plugin);
    await expect(put(plugin, 1)).rejects.toMatchObject({ message: expect.stringContaining("endpoints") });
    plugin.client.publish(snapshot);
    plugin.send({ case: "health", value: { ready: false, message: "loading" } });
    await expect(put(plugin, 1)).rejects.toMatchObject({ message: expect.stringContaining("loading") });
    plugin.send({ case: "health", value: { ready: true } });
    ignore(put(plugin, 1));
    await turn();
    expect(callIds(plugin)).toEqual([[1]]);
  });

  it("that does not fit into a frame is refused, and its batch goes out without it", async () => {
    const plugin = await configured();
    const instance = { ...scriptedInstance, granted: [{ key: "request.prompt_text" }] as const };
    const promptText = "x".repeat(2 * 1024 * 1024);
    ignore(put(plugin, 1));
    const large = plugin.client.score(
      instance,
      fakeCall({ pool: snapshot, request: { promptText } }),
      new Float32Array(2),
    );
    await expect(large).rejects.toMatchObject({ code: "SCORER_FAILED", message: expect.stringContaining("maxBytes") });
    ignore(put(plugin, 2));
    await turn();
    expect(callIds(plugin)).toEqual([[1], [2]]);
  });

  it("at 1,000 endpoints takes 200 bytes at most beside what was granted", async () => {
    const plugin = createScriptedPlugin();
    const large = fakeSnapshot(Array.from({ length: 1000 }, () => ({})));
    await configure(plugin);
    plugin.client.publish(large);
    const candidates = [...large.live].slice(1);
    const call = fakeCall({ pool: large, candidates, callId: 2 ** 32 - 1, seed: 2 ** 32 - 1, request: everyFact });
    ignore(plugin.client.score(scriptedInstance, call, new Float32Array(999)));
    await turn();
    const [sent] = batches(plugin)[0]!.calls;
    expect(sent?.candidates).toHaveLength(125);
    expect(toBinary(ScoreRequestSchema, sent!).length).toBeLessThanOrEqual(200);
  });

  it("names all live slots without a bitmap, fewer with one", async () => {
    const plugin = await configured();
    ignore(put(plugin, 1));
    ignore(
      plugin.client.score(
        scriptedInstance,
        fakeCall({ pool: snapshot, candidates: [1], callId: 2 }),
        new Float32Array(1),
      ),
    );
    await turn();
    expect(batches(plugin)[0]!.calls.map(({ candidates }) => [...candidates])).toEqual([[], [2]]);
  });

  it("fails when the connection is lost, at once", async () => {
    const plugin = await configured();
    const call = put(plugin, 1);
    plugin.lose(new OutriderError("SCORER_UNAVAILABLE", "gone"));
    await expect(call).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
    await expect(put(plugin, 2)).rejects.toMatchObject({ message: expect.stringContaining("gone") });
    expect(plugin.told).toEqual(["closed SCORER_UNAVAILABLE"]);
  });
});

describe("in-flight values", () => {
  const inflight = (...counts: number[]) => {
    const requests = Float32Array.from(counts);
    return { requests, promptTokens: new Float32Array(counts.length), outputTokens: new Float32Array(counts.length) };
  };
  const sent = (plugin: ScriptedPlugin) =>
    batches(plugin).map(({ calls, inflight }) => [
      calls.map(({ callId }) => callId),
      inflight.map(({ column, slots, values }) => [column, [...slots], values]),
    ]);

  it("travel whole at first, then what has changed, and calls that see others in another frame", async () => {
    const plugin = await configured();
    const same = inflight(0, 3);
    for (const [callId, values] of [
      [1, same],
      [2, same],
      [3, inflight(0, 3)],
      [4, inflight(1, 3)],
    ] as const) {
      ignore(put(plugin, callId, values));
    }
    await turn();
    ignore(put(plugin, 5, inflight(1, 3)));
    await turn();
    expect(sent(plugin)).toEqual([
      [[1, 2, 3], [[2, [3], [0, 3]]]],
      [[4], [[2, [1], [1]]]],
      [[5], []],
    ]);
  });

  it("travel again where an endpoint was replaced, and whole behind a whole table", async () => {
    const plugin = await configured();
    ignore(put(plugin, 1, inflight(5, 6)));
    await turn();
    const replaced = fakeSnapshot([{ id: "pool/new" }, {}], { rev: 2 });
    plugin.client.publish(replaced);
    plugin.send({ case: "stateAck", value: { epoch: scriptedEpoch, rev: 2 } });
    ignore(put(plugin, 2, inflight(5, 6)));
    await turn();
    plugin.send({ case: "scores", value: { results: [{ callId: 1, error: { code: "failed_precondition" } }] } });
    ignore(put(plugin, 3, inflight(5, 6)));
    await turn();
    expect(sent(plugin).map(([, columns]) => columns)).toEqual([
      [[2, [3], [5, 6]]],
      [[2, [3], [5, 6]]],
      [[2, [3], [5, 6]]],
    ]);
  });
});

describe("back-pressure", () => {
  const done = { kind: "done", callId: 1, slot: 0, atMs: 1, cause: "ok", status: 200, promptTokens: 0 } as const;
  const events: InstanceEvent[] = [
    { instance: 1, event: { ...done, cachedTokens: 0, outputTokens: 0, ttftUs: 1.5, e2eMs: 0 } },
  ];

  it("stops feedback and state, but not calls; state goes on with the newest snapshot", async () => {
    const plugin = await configured();
    plugin.setWritable(false);
    ignore(put(plugin, 1));
    await turn();
    expect(plugin.client.feedback(events, 0)).toBe(false);
    for (const rev of [2, 3, 4]) plugin.client.publish(fakeSnapshot([{}, {}], { rev }));
    ignore(put(plugin, 2));
    await turn();
    expect(plugin.frames.slice(3).map((frame) => frame.case)).toEqual(["score", "score"]);
    plugin.setWritable(true);
    expect(plugin.told).toEqual(["writable"]);
    expect(plugin.frames.at(-1)).toMatchObject({ case: "state", value: { fromRev: 1, toRev: 4, full: false } });
    expect(plugin.client.feedback(events, 2)).toBe(true);
    expect(plugin.frames.at(-1)).toMatchObject({
      case: "feedback",
      value: {
        epoch: scriptedEpoch,
        dropped: 2,
        events: [{ callId: 1, instance: 1, event: { case: "done", value: { cause: "ok", ttftUs: 1 } } }],
      },
    });
  });

  it("holds state back while eight steps are not acknowledged", async () => {
    const plugin = await configured();
    for (let rev = 2; rev <= 20; rev += 1) plugin.client.publish(fakeSnapshot([{}, {}], { rev }));
    const revs = () => plugin.frames.flatMap((frame) => (frame.case === "state" ? [frame.value.toRev] : []));
    expect(revs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    plugin.send({ case: "stateAck", value: { epoch: scriptedEpoch, rev: 2 } });
    expect(revs().at(-1)).toBe(20);
    expect(plugin.client.ackedRev).toBe(2);
  });
});

describe("frames that are neither calls nor state", () => {
  it("measure a ping, and name the pong that fits none", async () => {
    const plugin = await configured();
    const first = plugin.client.ping(1_000);
    plugin.send({ case: "pong", value: { seq: 1 } });
    expect(await first).toBeGreaterThanOrEqual(0);
    const second = plugin.client.ping(1_000);
    plugin.send({ case: "pong", value: { seq: 7 } });
    await expect(second).rejects.toMatchObject({ code: "PROTOCOL_VIOLATION" });
  });

  it("give up when the answer does not come", async () => {
    const plugin = createScriptedPlugin();
    await expect(plugin.client.hello({}, 5)).rejects.toMatchObject({ code: "SCORER_DEADLINE" });
    await expect(plugin.client.ping(5)).rejects.toMatchObject({ code: "SCORER_DEADLINE" });
  });

  it("drain: the calls that wait go first, none follow, and the hand-off comes back", async () => {
    const plugin = await configured();
    ignore(put(plugin, 1));
    const drained = plugin.client.drain(1_000);
    await expect(put(plugin, 2)).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
    plugin.send({ case: "drained", value: { handoff: Uint8Array.of(1, 2) } });
    expect([...(await drained)]).toEqual([1, 2]);
    expect(plugin.frames.slice(-2).map((frame) => frame.case)).toEqual(["score", "drain"]);
  });

  it("keep a configuration that the plugin refuses from taking effect", async () => {
    const plugin = createScriptedPlugin();
    await greet(plugin);
    const answer = plugin.client.configure({ columns });
    plugin.send({ case: "configured", value: { errors: [{ instance: 1, path: "a", message: "no" }] } });
    expect((await answer).errors).toHaveLength(1);
    plugin.client.publish(snapshot);
    expect(plugin.frames.map((frame) => frame.case)).toEqual(["hello", "configure"]);
  });

  it("tell true counts of what is in flight, without zeros", async () => {
    const plugin = await configured();
    plugin.client.inflight(Float32Array.of(0, 2, 0, 1));
    expect(plugin.frames.at(-1)).toMatchObject({ case: "inflight", value: { slots: [1, 3], counts: [2, 1] } });
  });

  it("are seen by whoever records, both ways", async () => {
    const seen: string[] = [];
    const plugin = createScriptedPlugin({ onFrame: (direction, message) => seen.push(`${direction} ${message[0]}`) });
    await greet(plugin);
    expect(seen).toEqual(["sent 10", "received 10"]);
  });
});

it("reads a frame that holds more than one field as protobuf does", async () => {
  const plugin = await configured();
  const call = put(plugin, 1);
  const results = [{ callId: 1, epoch: scriptedEpoch, rev: 1, scores: [0.5, 1] }];
  const scores = toBinary(
    SessionResponseSchema,
    create(SessionResponseSchema, { frame: { case: "scores", value: create(ScoreBatchResultSchema, { results }) } }),
  );
  plugin.sendMessage(Buffer.concat([Buffer.from([0xfa, 0x01, 1, 7]), scores]));
  expect(await call).toBeUndefined();
});

/** Long, and none of it granted. */
const everyFact = {
  promptTokens: 1_000_000,
  promptText: "x".repeat(10_000),
  sessionKey: "x".repeat(100),
  tokenIds: new Uint32Array(1_000),
  blockHashes: new Uint32Array(1_000),
  headers: { cookie: "x".repeat(100) },
};

function good(callId: number) {
  return { callId, epoch: scriptedEpoch, rev: 1, scores: [1, 1] };
}

/** A call that is late as soon as any time has passed. */
function brief(callId: number) {
  return fakeCall({ pool: snapshot, callId, budgetUs: 1 });
}

function rehearsal(callId: number): CycleCall {
  return { ...fakeCall({ pool: snapshot, callId }), isRehearsal: true };
}

function passed(ms = 2): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function cancelled(plugin: ScriptedPlugin): number[][] {
  return plugin.frames.flatMap((frame) => (frame.case === "cancel" ? [frame.value.callIds] : []));
}

async function configured(hello: Hello = {}): Promise<ScriptedPlugin> {
  const plugin = createScriptedPlugin();
  await configure(plugin, hello);
  plugin.client.publish(snapshot);
  plugin.send({ case: "stateAck", value: { epoch: scriptedEpoch, rev: 1 } });
  await plugin.client.synced();
  return plugin;
}

async function configure(plugin: ScriptedPlugin, hello: Hello = {}): Promise<void> {
  await greet(plugin, hello);
  const answer = plugin.client.configure({ instances: [{ id: 1, type: "t" }], columns });
  plugin.send({ case: "configured", value: {} });
  await answer;
}

async function greet(plugin: ScriptedPlugin, hello: Hello = {}): Promise<void> {
  const answer = plugin.client.hello({ host: "outrider" });
  plugin.send({ case: "hello", value: { plugin: "scripted", ...hello } });
  await answer;
}

function put(plugin: ScriptedPlugin, callId: number, inflight?: Parameters<typeof fakeCall>[0]["inflight"]) {
  const call = fakeCall({ pool: snapshot, callId, ...(inflight === undefined ? {} : { inflight }) });
  return plugin.client.score(scriptedInstance, call, new Float32Array(2));
}

function batches(plugin: ScriptedPlugin): ScoreBatch[] {
  return plugin.frames.flatMap((frame) => (frame.case === "score" ? [frame.value] : []));
}

function callIds(plugin: ScriptedPlugin): number[][] {
  return batches(plugin).map(({ calls }) => calls.map(({ callId }) => callId));
}

function ignore(call: Promise<unknown>): void {
  call.catch(() => {});
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
