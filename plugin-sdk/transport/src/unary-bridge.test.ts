import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import type { FeedbackEvent, OutriderError } from "@outrider/core/contract";
import {
  HandshakeResponseSchema,
  PushStateRequestSchema,
  PushStateResponseSchema,
  ScoreRequestSchema,
  ScoreResponseSchema,
} from "@outrider/protos/scorer";
import { afterEach, describe, expect, it } from "vitest";
import { rpcCodeOf } from "./rpc-failure.ts";
import type { SessionClient, WireInstance } from "./session-types.ts";
import { fakeCall, fakeSnapshot } from "./testing/index.ts";
import { ModelPlugin, modelColumns, rateOf } from "./testing/model-plugin.ts";
import { createUnaryClient } from "./unary-client.ts";

const instance: WireInstance = {
  id: 1,
  name: "mine",
  granted: [{ key: "request.session_key" }],
  data: [],
  produces: [],
};
const snapshot = fakeSnapshot([{ id: "e1" }, { id: "e2" }], { rev: 5 });
const epoch = 77;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** What a plugin answers to one method, instead of what it should: a status with a body, or nothing. */
type Misanswer = { readonly status?: number; readonly body?: string } | "nothing" | "hangs up";

describe("a call", () => {
  const wrong: { title: string; answer: Misanswer; code: string; rpc?: string; isViolation?: boolean }[] = [
    {
      title: "no JSON",
      answer: { body: "<html>" },
      code: "PROTOCOL_VIOLATION",
      rpc: "invalid_argument",
      isViolation: true,
    },
    {
      title: "another call's number",
      answer: { body: '{"callId":9}' },
      code: "PROTOCOL_VIOLATION",
      rpc: "invalid_argument",
      isViolation: true,
    },
    { title: "too few scores", answer: ok({ scores: [1] }), code: "SCORES_INVALID", isViolation: true },
    { title: "NaN as text", answer: ok({ scores: [1, "NaN"] }), code: "SCORES_INVALID", isViolation: true },
    {
      title: "an older revision",
      answer: ok({ rev: 4, scores: [1, 1] }),
      code: "PROTOCOL_VIOLATION",
      isViolation: true,
    },
    { title: "another epoch", answer: ok({ epoch: 3, scores: [1, 1] }), code: "PROTOCOL_VIOLATION", isViolation: true },
    { title: "HTTP 500", answer: { status: 500 }, code: "SCORER_FAILED", rpc: "unknown" },
    { title: "HTTP 429", answer: { status: 429 }, code: "SCORER_SHED", rpc: "resource_exhausted" },
    {
      title: "an error of its own",
      answer: ok({ error: { code: "internal" } }),
      code: "SCORER_FAILED",
      rpc: "internal",
    },
    { title: "a closed connection", answer: "hangs up", code: "SCORER_UNAVAILABLE", rpc: "unavailable" },
    { title: "silence for ten budgets", answer: "nothing", code: "SCORER_DEADLINE", rpc: "deadline_exceeded" },
  ];
  for (const { title, answer, code, rpc = "", isViolation = false } of wrong) {
    it(`fails after ${title}`, async () => {
      const plugin = await open({ Score: answer });
      await sync(plugin);
      const scores = new Float32Array(2).fill(Number.NaN);
      const call = fakeCall({ pool: snapshot, callId: 4, budgetUs: 20_000 });
      const error = await failure(plugin.session.score(instance, call, scores));
      expect([error.code, rpcCodeOf(error)]).toEqual([code, rpc]);
      expect(plugin.violations).toHaveLength(isViolation ? 1 : 0);
      expect([...scores]).toEqual([Number.NaN, Number.NaN]);
      expect(plugin.session.outstanding).toBe(0);
    });
  }

  it("carries slots, revision and what was granted, and no endpoint", async () => {
    const plugin = await open();
    await sync(plugin);
    const scores = new Float32Array(1);
    const call = fakeCall({ pool: snapshot, candidates: [1], request: { sessionKey: "s", fairnessId: "f" } });
    await plugin.session.score(instance, call, scores);
    expect(scores[0]).toBe(rateOf("e2"));
    const sent = JSON.parse(plugin.requests.find(({ method }) => method === "Score")!.body);
    expect(sent).toMatchObject({ instance: 1, epoch, rev: 5, candidates: "Ag==", request: { sessionKey: "s" } });
    expect([sent.endpoints, sent.request.fairnessId]).toEqual([undefined, undefined]);
  });

  it("is put on acknowledged state, not on what is under way", async () => {
    const plugin = await open();
    await sync(plugin);
    plugin.hold = "PushState";
    const next = fakeSnapshot([{ id: "e1" }, { id: "e2" }, { id: "e3" }], { rev: 6 });
    plugin.session.publish(next);
    await expect.poll(() => plugin.requests.filter(({ method }) => method === "PushState").length).toBe(2);
    const scores = new Float32Array(3);
    await plugin.session.score(instance, fakeCall({ pool: next }), scores);
    expect([...scores]).toEqual([rateOf("e1"), rateOf("e2"), Number.NaN]);
  });

  it("over what the plugin works on at once is shed", async () => {
    const plugin = await open({ Score: "nothing" }, { maxConcurrency: 2 });
    await sync(plugin);
    const put = () => plugin.session.score(instance, fakeCall({ pool: snapshot }), new Float32Array(2));
    for (const call of [put(), put()]) call.catch(() => {});
    await expect(put()).rejects.toMatchObject({ code: "SCORER_SHED" });
  });

  it("whose state is gone is followed by the whole table", async () => {
    const plugin = await open();
    await sync(plugin);
    plugin.model.forget();
    const put = () => plugin.session.score(instance, fakeCall({ pool: snapshot }), new Float32Array(2));
    await expect(put()).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
    await expect.poll(() => plugin.model.version.rev).toBe(5);
    await put();
    expect(plugin.told).toEqual(["resynced"]);
  });

  it("of which five in a row found nobody ends the connection", async () => {
    const plugin = await open({ Score: "hangs up" });
    await sync(plugin);
    for (let i = 0; i < 5; i += 1) {
      await failure(plugin.session.score(instance, fakeCall({ pool: snapshot }), new Float32Array(2)));
    }
    await expect.poll(() => plugin.told).toEqual(["closed SCORER_UNAVAILABLE"]);
  });
});

describe("state", () => {
  it("that the plugin knows no method for ends the connection, and says what to do", async () => {
    const plugin = await open({ PushState: { status: 501 } });
    plugin.session.publish(snapshot);
    await expect(plugin.session.synced()).rejects.toMatchObject({
      code: "PLUGIN_REJECTED",
      message: expect.stringMatching(/knows no PushState: serve PushState, or answer Handshake with 501/),
    });
  });

  const refusals: { title: string; answer: Misanswer }[] = [
    { title: "refused", answer: { body: '{"nack":{"code":"internal"}}' } },
    { title: "refused as a call", answer: { status: 400, body: '{"code":"failed_precondition"}' } },
    { title: "answered with garbage", answer: { body: "[]" } },
    { title: "acknowledged as another revision", answer: { body: `{"epoch":${epoch},"rev":1}` } },
  ];
  for (const { title, answer } of refusals) {
    it(`${title} is sent whole with the next snapshot`, async () => {
      const plugin = await open({ PushState: answer });
      plugin.session.publish(snapshot);
      await expect.poll(() => plugin.told).toEqual(["resynced"]);
      plugin.misanswers = {};
      plugin.session.publish(fakeSnapshot([{ id: "e1" }], { rev: 6 }));
      await plugin.session.synced();
      const chunks = plugin.requests.filter(({ method }) => method === "PushState").map(({ body }) => JSON.parse(body));
      expect(chunks.map(({ full, toRev }) => [full, toRev])).toEqual([
        [true, 5],
        [true, 6],
      ]);
    });
  }

  it("in many chunks is refused as a whole where the first is", async () => {
    const plugin = await open({ PushState: { body: '{"nack":{"code":"internal"}}' } });
    plugin.session.publish(largePool(7));
    await expect.poll(() => plugin.requests.length).toBeGreaterThan(2);
    plugin.misanswers = {};
    await expect.poll(() => plugin.told).toEqual(["resynced"]);
    expect(plugin.session.ackedRev).toBe(0);
    plugin.session.publish(largePool(8));
    await plugin.session.synced();
    expect(plugin.model.version.live).toHaveLength(9);
  });
});

describe("feedback", () => {
  it("arrives in order, and what was lost is counted in what follows", async () => {
    const plugin = await open({ PushFeedback: { status: 500 } });
    await sync(plugin);
    plugin.session.feedback(
      [
        { instance: 1, event: done(1) },
        { instance: 1, event: done(2) },
      ],
      1,
    );
    await expect.poll(() => feedbackOf(plugin)).toHaveLength(1);
    plugin.misanswers = {};
    plugin.session.feedback([{ instance: 1, event: done(3) }], 0);
    plugin.session.feedback([{ instance: 1, event: done(4) }], 0);
    await expect.poll(() => feedbackOf(plugin)).toHaveLength(3);
    expect(feedbackOf(plugin)).toEqual([
      { ids: [1, 2], dropped: 1 },
      { ids: [3], dropped: 3 },
      { ids: [4], dropped: 0 },
    ]);
  });

  it("that waits for too much before it is dropped and counted", async () => {
    const plugin = await open();
    await sync(plugin);
    plugin.hold = "PushFeedback";
    for (let id = 1; id <= 20; id += 1) plugin.session.feedback([{ instance: 1, event: done(id) }], 0);
    plugin.release();
    await expect.poll(() => feedbackOf(plugin).length, { timeout: 5_000 }).toBe(9);
    plugin.session.feedback([{ instance: 1, event: done(21) }], 0);
    await expect.poll(() => feedbackOf(plugin)).toHaveLength(10);
    const dropped = feedbackOf(plugin).reduce((sum, push) => sum + push.dropped, 0);
    expect(dropped).toBe(11);
  });
});

it("greets once, and again only to hand on what a predecessor has learned", async () => {
  const plugin = await open();
  await sync(plugin);
  expect(plugin.requests.map(({ method }) => method)).toEqual(["Handshake", "Configure", "PushState"]);
  await plugin.session.hello({ handoff: Uint8Array.of(1, 2) });
  expect(JSON.parse(plugin.requests.at(-1)!.body)).toEqual({ handoff: "AQI=" });
});

it("answers pings itself, and is drained when the last call is", async () => {
  const plugin = await open();
  await sync(plugin);
  expect(await plugin.session.ping(1_000)).toBeGreaterThanOrEqual(0);
  plugin.hold = "Score";
  const call = plugin.session.score(instance, fakeCall({ pool: snapshot }), new Float32Array(2));
  await expect.poll(() => plugin.requests.at(-1)?.method).toBe("Score");
  const drained = plugin.session.drain(5_000);
  plugin.release();
  expect(await drained).toHaveLength(0);
  await call;
});

it("shows each call as the frame that it would have been", async () => {
  const frames: string[] = [];
  const plugin = await open({}, {}, (direction) => frames.push(direction));
  await sync(plugin);
  await plugin.session.score(instance, fakeCall({ pool: snapshot }), new Float32Array(2));
  expect(frames.filter((direction) => direction === "sent")).toHaveLength(4);
  expect(frames.filter((direction) => direction === "received")).toHaveLength(5);
});

function ok(answer: object): Misanswer {
  return { body: JSON.stringify({ callId: 4, epoch, rev: 5, ...answer }) };
}

interface Plugin {
  readonly session: SessionClient;
  readonly model: ModelPlugin;
  readonly requests: { readonly method: string; readonly body: string }[];
  readonly told: string[];
  readonly violations: OutriderError[];
  misanswers: Readonly<Record<string, Misanswer>>;
  /** Method that is answered when it is released only. */
  hold: string;
  release(): void;
}

async function open(
  misanswers: Plugin["misanswers"] = {},
  spec: { maxConcurrency?: number } = {},
  onFrame?: (direction: "sent" | "received") => void,
): Promise<Plugin> {
  const model = new ModelPlugin();
  const held: (() => void)[] = [];
  const plugin = { model, requests: [], told: [], violations: [], misanswers, hold: "" } as unknown as Plugin;
  const hello = create(HandshakeResponseSchema, { plugin: "p", scorers: [{ type: "t", ...spec }] });
  const path = await listen((method, body, response) => {
    plugin.requests.push({ method, body });
    const wrong = plugin.misanswers[method];
    if (wrong === "nothing") return;
    if (wrong === "hangs up") return void response.destroy();
    const reply = () => {
      const { status = 200, body: text = answerOf(model, hello, method, body) } = wrong ?? {};
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(status === 200 ? text : (wrong?.body ?? ""));
    };
    if (plugin.hold === method) held.push(reply);
    else reply();
  });
  const client = createUnaryClient({ kind: "socket", path }, { token: "", violation: () => {}, answered: () => {} });
  const found = await client.handshake({ host: "outrider" }, 5_000);
  if (found.kind !== "replicated") expect.fail(found.kind);
  const events = {
    violation: (error: OutriderError) => plugin.violations.push(error),
    answered: () => {},
    lateAnswer: () => {},
    resynced: () => plugin.told.push("resynced"),
    health: () => {},
    table: () => {},
    writable: () => {},
    closed: (error: OutriderError) => plugin.told.push(`closed ${error.code}`),
  };
  const session = client.replicate(found.hello, { token: "", epoch, events, ...(onFrame && { onFrame }) });
  cleanups.push(() => session.close());
  const release = () => {
    plugin.hold = "";
    for (const reply of held.splice(0)) reply();
  };
  Object.assign(plugin, { session, release });
  await session.hello({});
  await session.configure({ instances: [{ id: 1, type: "t" }], columns: modelColumns });
  return plugin;
}

function answerOf(
  model: ModelPlugin,
  hello: Parameters<typeof toJsonString<typeof HandshakeResponseSchema>>[1],
  method: string,
  body: string,
): string {
  switch (method) {
    case "Handshake":
      return toJsonString(HandshakeResponseSchema, hello);
    case "Score":
      return toJsonString(ScoreResponseSchema, model.scores(fromJsonString(ScoreRequestSchema, body)));
    case "PushState": {
      const chunk = fromJsonString(PushStateRequestSchema, body);
      const { version } = model;
      const pending = { epoch: version.epoch, rev: version.rev };
      return toJsonString(PushStateResponseSchema, model.applies(chunk) ?? create(PushStateResponseSchema, pending));
    }
    default:
      return "{}";
  }
}

async function listen(answer: (method: string, body: string, response: http.ServerResponse) => void): Promise<string> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      expect(request.headers["content-length"]).toBeDefined();
      answer(request.url!.split("/").at(-1)!, Buffer.concat(chunks).toString(), response);
    });
  });
  const folder = mkdtempSync(join(tmpdir(), "outrider-"));
  cleanups.push(
    () => server.closeAllConnections(),
    () => server.close(),
    () => rmSync(folder, { recursive: true, force: true }),
  );
  const path = join(folder, "s");
  server.listen(path);
  await once(server, "listening");
  return path;
}

async function sync({ session }: Plugin): Promise<void> {
  session.publish(snapshot);
  await session.synced();
}

/** Nine endpoints, three to a chunk. */
function largePool(rev: number) {
  const labels = { filler: "x".repeat(20_000) };
  return fakeSnapshot(
    Array.from({ length: 9 }, (_, i) => ({ id: `e${i}`, labels })),
    { rev },
  );
}

function feedbackOf({ requests }: Plugin): { ids: number[]; dropped: number }[] {
  const pushes = requests.filter(({ method }) => method === "PushFeedback").map(({ body }) => JSON.parse(body));
  return pushes.map(({ events = [], dropped = 0 }) => ({
    ids: events.map(({ callId }: { callId: number }) => callId),
    dropped,
  }));
}

function done(callId: number): FeedbackEvent {
  const counts = { status: 200, promptTokens: 1, cachedTokens: 0, outputTokens: 1, ttftUs: 1, e2eMs: 1 };
  return { kind: "done", callId, slot: 0, atMs: 1, cause: "ok", ...counts } as FeedbackEvent;
}

async function failure(call: Promise<unknown>): Promise<OutriderError> {
  return call.then(
    () => expect.fail("should have failed"),
    (error: OutriderError) => error,
  );
}
