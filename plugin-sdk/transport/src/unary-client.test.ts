import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import type { OutriderError } from "@outrider/core/contract";
import { SessionRequestSchema, SessionResponseSchema } from "@outrider/protos/scorer";
import { afterEach, describe, expect, it } from "vitest";
import { rpcCodeOf } from "./rpc-failure.ts";
import { fakeCall } from "./testing/index.ts";
import { createUnaryClient } from "./unary-client.ts";
import type { BasicInstance, UnaryClient, UnaryOptions, UnaryTarget } from "./unary-types.ts";

const instance: BasicInstance = { name: "mine", granted: [{ key: "waiting_requests" }] };
const pool = [{ waiting_requests: 1 }, { waiting_requests: 3 }];

const cleanups: (() => unknown)[] = [];
const violations: string[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  violations.length = 0;
});

type Handler = (body: Buffer, request: http.IncomingMessage, response: http.ServerResponse) => void;

describe("a plugin that answers wrongly", () => {
  const ok =
    (body: string | Buffer): Handler =>
    (_, __, response) =>
      void response.end(body);
  const status =
    (code: number, body = ""): Handler =>
    (_, __, response) =>
      void response.writeHead(code).end(body);
  const cases: readonly {
    title: string;
    answer: Handler;
    code: string;
    rpc?: string;
    says?: string;
    isViolation?: boolean;
  }[] = [
    { title: "no JSON", answer: ok("<html>"), code: "PROTOCOL_VIOLATION", isViolation: true },
    { title: "nothing at all", answer: ok(""), code: "PROTOCOL_VIOLATION", isViolation: true },
    { title: "JSON that is no object", answer: ok("[1]"), code: "PROTOCOL_VIOLATION", isViolation: true },
    { title: "scores that are no list", answer: ok('{"scores":"1"}'), code: "PROTOCOL_VIOLATION", isViolation: true },
    {
      title: "another call's number",
      answer: ok('{"callId":1,"scores":[1,1]}'),
      code: "PROTOCOL_VIOLATION",
      isViolation: true,
    },
    {
      title: "too few scores",
      answer: ok('{"scores":[1]}'),
      code: "SCORES_INVALID",
      says: "1 scores for 2",
      isViolation: true,
    },
    { title: "no scores", answer: ok("{}"), code: "SCORES_INVALID", says: "0 scores for 2", isViolation: true },
    {
      title: "NaN as text",
      answer: ok('{"scores":[1,"NaN"]}'),
      code: "SCORES_INVALID",
      says: '"NaN"',
      isViolation: true,
    },
    {
      title: "a number that is no 32-bit float",
      answer: ok('{"scores":[1,1e39]}'),
      code: "SCORES_INVALID",
      isViolation: true,
    },
    { title: "more than a mebibyte", answer: ok(Buffer.alloc(1024 * 1024 + 1, 32)), code: "PROTOCOL_VIOLATION" },
    { title: "HTTP 500 without a body", answer: status(500), code: "SCORER_FAILED", rpc: "unknown" },
    { title: "HTTP 503 without a body", answer: status(503), code: "SCORER_UNAVAILABLE", rpc: "unavailable" },
    { title: "HTTP 404", answer: status(404), code: "SCORER_FAILED", rpc: "unimplemented" },
    {
      title: "a Connect error",
      answer: status(429, '{"code":"resource_exhausted","message":"busy"}'),
      code: "SCORER_SHED",
      says: "busy",
    },
    {
      title: "a failed call",
      answer: ok('{"error":{"code":"internal","message":"oops"}}'),
      code: "SCORER_FAILED",
      says: "oops",
    },
    {
      title: "a call refused as wrong",
      answer: ok('{"error":{"code":"invalid_argument"}}'),
      code: "PROTOCOL_VIOLATION",
      isViolation: true,
    },
    { title: "a closed connection", answer: (_, request) => void request.socket.destroy(), code: "SCORER_UNAVAILABLE" },
    { title: "half an answer", answer: halfAnswer, code: "SCORER_UNAVAILABLE" },
    { title: "no HTTP", answer: (_, request) => void request.socket.end("hello\r\n\r\n"), code: "PROTOCOL_VIOLATION" },
  ];
  for (const { title, answer, code, rpc = "", says = "", isViolation = false } of cases) {
    it(`fails the call after ${title}`, async () => {
      const client = await serve(answer);
      const scores = new Float32Array(2).fill(Number.NaN);
      const error = await failure(client.score(instance, fakeCall({ pool }), scores));
      expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
      if (rpc !== "") expect(rpcCodeOf(error)).toBe(rpc);
      expect(violations).toHaveLength(isViolation ? 1 : 0);
      expect([...scores]).toEqual([Number.NaN, Number.NaN]);
      expect(client.outstanding).toBe(0);
    });
  }

  function halfAnswer(_: Buffer, request: http.IncomingMessage): void {
    request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"scores":');
  }
});

describe("a plugin that is not there", () => {
  it("is unavailable after the time it was given", async () => {
    const client = open({ kind: "socket", path: join(tmpdir(), "no-such.sock") });
    expect(await failure(client.connect(50))).toMatchObject({ code: "SCORER_UNAVAILABLE" });
  });

  it("is reached when it comes up late", async () => {
    const path = socketPath();
    const client = open({ kind: "socket", path });
    const connected = client.connect(5_000);
    const server = net.createServer().listen(path);
    cleanups.push(() => server.close());
    await connected;
  });

  it("fails calls as unavailable", async () => {
    const client = open({ kind: "socket", path: join(tmpdir(), "no-such.sock") });
    expect(await failure(client.score(instance, fakeCall({ pool }), new Float32Array(2)))).toMatchObject({
      code: "SCORER_UNAVAILABLE",
    });
  });
});

describe("a slow plugin", () => {
  it("is let to answer after its budget, on a connection that lives on", async () => {
    let connections = 0;
    const client = await serve(
      (_, __, response) => void setTimeout(() => response.end('{"scores":[1,0]}'), 15),
      (server) => server.on("connection", () => (connections += 1)),
      1,
    );
    for (let i = 0; i < 3; i += 1)
      await client.score(instance, fakeCall({ pool, budgetUs: 10_000 }), new Float32Array(2));
    expect(connections).toBe(1);
  });

  it("loses its connection after ten budgets", async () => {
    const client = await serve(() => {});
    const error = await failure(client.score(instance, fakeCall({ pool, budgetUs: 3_000 }), new Float32Array(2)));
    expect(error).toMatchObject({ code: "SCORER_DEADLINE", message: expect.stringContaining("30 ms") });
  });

  it("gets no more calls than it has connections", async () => {
    const client = await serve(() => {});
    const calls = Array.from({ length: 4 }, () =>
      failure(client.score(instance, fakeCall({ pool, budgetUs: 3_000 }), new Float32Array(2))),
    );
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual([
      ...Array(3).fill("SCORER_DEADLINE"),
      "SCORER_SHED",
    ]);
  });
});

describe("Handshake", () => {
  const cases: readonly { title: string; answer: Handler; want: object }[] = [
    { title: "404", answer: (_, __, response) => void response.writeHead(404).end(), want: { kind: "basic" } },
    {
      title: "501 with a Connect error",
      answer: (_, __, response) => void response.writeHead(501).end('{"code":"unimplemented"}'),
      want: { kind: "basic" },
    },
    {
      title: "an answer to another question",
      answer: (_, __, response) => void response.end('{"scores":[]}'),
      want: { kind: "basic" },
    },
    {
      title: "types",
      answer: (_, __, response) => void response.end('{"plugin":"p","scorers":[{"type":"t"}],"new":1}'),
      want: { kind: "replicated", hello: { plugin: "p", scorers: [{ type: "t" }] } },
    },
  ];
  for (const { title, answer, want } of cases) {
    it(`takes ${title} as ${(want as { kind: string }).kind}`, async () => {
      expect(await (await serve(answer)).handshake({ host: "outrider" }, 1_000)).toMatchObject(want);
    });
  }

  it("fails where the plugin is broken", async () => {
    const client = await serve((_, __, response) => void response.writeHead(500).end());
    expect(await failure(client.handshake({}, 1_000))).toMatchObject({ code: "SCORER_FAILED" });
  });
});

it("calls as Connect does, with a length, and leaves out candidates with an unknown value", async () => {
  const seen: { headers: http.IncomingHttpHeaders; url: string | undefined; body: unknown }[] = [];
  const client = await serve((body, { headers, url }, response) => {
    seen.push({ headers, url, body: JSON.parse(body.toString()) });
    response.end('{"callId":77,"scores":[0.25,1],"abstain":"Ag==","reason":"why","pluginUs":9}');
  });
  const granted: BasicInstance["granted"] = [
    { key: "waiting_requests" },
    { key: "metric.depth" },
    { key: "endpoint.labels", names: ["zone"] },
    { key: "endpoint.sets" },
    { key: "request.headers", names: ["x-tenant"] },
    { key: "request.prompt_text", maxBytes: 3 },
  ];
  const labels = { zone: "a", secret: "s" };
  const sets = { models: ["m"] };
  const call = fakeCall({
    pool: [
      { waiting_requests: 1 },
      { waiting_requests: 2, "metric.depth": 5, labels, sets },
      { waiting_requests: 3, "metric.depth": 6 },
    ],
    request: { headers: { "x-tenant": "t", cookie: "c" }, promptText: "aää", sessionKey: "secret" },
    callId: 77,
    seed: 5,
    budgetUs: 1_500,
    peers: [{ profile: "prefill", slot: 2 }],
  });
  const scores = new Float32Array(3).fill(Number.NaN);
  expect(await client.score({ name: "mine", granted }, call, scores)).toBe("why");
  expect([...scores]).toEqual([Number.NaN, 0.25, Number.NaN]);
  expect(seen[0]).toMatchObject({
    url: "/outrider.scorer.v1.ScorerService/Score",
    headers: {
      "content-type": "application/json",
      "connect-protocol-version": "1",
      "connect-timeout-ms": "2",
      "content-length": expect.any(String),
      authorization: "Bearer secret",
    },
    body: { callId: 77, seed: 5, nowMs: call.nowMs, budgetUs: 1500, peers: [{ profile: "prefill", slot: 1 }] },
  });
  expect(seen[0]?.body).toMatchObject({
    request: { model: "llama-3-8b", promptTokens: 0, headers: { "x-tenant": "t" }, promptText: "aä" },
    endpoints: [
      {
        slot: 0,
        id: "pool/vllm-1",
        address: "10.0.0.1:8000",
        labels: { zone: "a" },
        sets: { models: { values: ["m"] } },
        metrics: { waiting_requests: 2, "metric.depth": 5 },
      },
      { slot: 1, metrics: { waiting_requests: 3, "metric.depth": 6 } },
    ],
  });
  expect(JSON.stringify(seen)).not.toMatch(/"secret"|cookie/);
});

it("tells of each answer where its time went, and of a rehearsal's nothing", async () => {
  const told: [string, boolean, boolean][] = [];
  const delays = [0, 30, 0];
  const client = await serve(
    (_, __, response) => void setTimeout(() => response.end('{"scores":[1,0],"pluginUs":7}'), delays.shift()),
    undefined,
    3,
    {
      answered: ({ name }, { callUs, hostUs, pluginUs }, isLate) => {
        told.push([name, callUs >= hostUs && hostUs >= 0 && pluginUs === 7, isLate]);
      },
    },
  );
  for (const budgetUs of [5_000_000, 5_000]) {
    await client.score(instance, fakeCall({ pool, budgetUs }), new Float32Array(2));
  }
  await client.score(instance, { ...fakeCall({ pool }), isRehearsal: true }, new Float32Array(2));
  expect(told).toEqual([
    ["mine", true, false],
    ["mine", true, true],
  ]);
});

it("rules out what the plugin may, endpoint by endpoint of the request", async () => {
  const client = await serve((_, __, response) => void response.end('{"scores":[1,0],"veto":"Ag=="}'));
  const lacking = [{ waiting_requests: 1 }, {}, { waiting_requests: 2 }];
  const calls = [fakeCall({ pool: lacking }), fakeCall({ pool: lacking })];
  const granted: BasicInstance["granted"] = [{ key: "waiting_requests" }, { key: "veto" }];
  await client.score({ name: "mine", granted }, calls[0]!, new Float32Array(3));
  await client.score(instance, calls[1]!, new Float32Array(3));
  expect(calls.map(({ vetoed }) => vetoed)).toEqual([Uint8Array.of(0, 0, 1), undefined]);
});

it("shows calls as frames to who looks, and makes none where nobody does", async () => {
  const frames: [string, unknown][] = [];
  let isUsed = false;
  const show = (direction: "sent" | "received", message: Uint8Array) => {
    const schema = direction === "sent" ? SessionRequestSchema : SessionResponseSchema;
    frames.push([direction, fromBinary(schema, message).frame]);
  };
  const answers = ['{"scores":[1,0]}', '{"scores":[1,0]}', "<html>"];
  const client = await serve((_, __, response) => void response.end(answers.shift()), undefined, 3, {
    tap: { isUsed: () => isUsed, show },
  });
  await client.score(instance, fakeCall({ pool }), new Float32Array(2));
  isUsed = true;
  await client.score(instance, fakeCall({ pool, callId: 8 }), new Float32Array(2));
  await failure(client.score(instance, fakeCall({ pool, callId: 9 }), new Float32Array(2)));
  const endpoints = [{ metrics: { waiting_requests: 1 } }, { metrics: { waiting_requests: 3 } }];
  expect(frames).toMatchObject([
    ["sent", { case: "score", value: { calls: [{ callId: 8, endpoints }] } }],
    ["received", { case: "scores", value: { results: [{ callId: 8, scores: [1, 0] }] } }],
    ["sent", { value: { calls: [{ callId: 9 }] } }],
    ["received", { value: { results: [{ callId: 9, error: { code: "invalid_argument" } }] } }],
  ]);
});

it("asks nobody where no candidate has all values", async () => {
  const client = open({ kind: "socket", path: join(tmpdir(), "no-such.sock") });
  expect(await client.score(instance, fakeCall({ pool: [{}] }), new Float32Array(1))).toMatch(/lacks a value/);
});

it("fills a listen queue shorter than its connections without losing a call", async () => {
  const path = socketPath();
  const server = http.createServer(
    (request, response) => void request.resume().on("end", () => response.end('{"scores":[1,0]}')),
  );
  server.listen({ path, backlog: 1 });
  cleanups.push(() => server.close());
  await once(server, "listening");
  const client = open({ kind: "socket", path }, 16);
  const calls = Array.from({ length: 16 }, () => client.score(instance, fakeCall({ pool }), new Float32Array(2)));
  await expect(Promise.all(calls)).resolves.toHaveLength(16);
});

it("fails the calls in flight when it is closed", async () => {
  const client = await serve(() => {});
  const call = failure(client.score(instance, fakeCall({ pool }), new Float32Array(2)));
  await client.close();
  expect(await call).toMatchObject({ code: "SCORER_UNAVAILABLE" });
});

async function serve(
  answer: Handler,
  prepare: (server: http.Server) => void = () => {},
  connections = 3,
  options: Partial<UnaryOptions> = {},
): Promise<UnaryClient> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(Buffer.concat(chunks), request, response));
  });
  prepare(server);
  const path = socketPath();
  server.listen(path);
  await once(server, "listening");
  const client = open({ kind: "socket", path }, connections, options);
  cleanups.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return client;
}

function open(target: UnaryTarget, connections = 3, options: Partial<UnaryOptions> = {}): UnaryClient {
  const violation = (error: OutriderError) => violations.push(error.code);
  const client = createUnaryClient(target, { token: "secret", connections, violation, answered: () => {}, ...options });
  cleanups.push(() => client.close());
  return client;
}

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "s");
}

async function failure(call: Promise<unknown>): Promise<OutriderError> {
  return call.then(
    () => expect.fail("should have failed"),
    (error: OutriderError) => error,
  );
}
