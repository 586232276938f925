import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ScoreRequestSchema, ScoreResponseSchema } from "@outrider/protos/scorer";
import { fromBitmap, maxFrameBytes, toBitmap } from "@outrider/transport";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineProducer, defineScorer } from "../define.ts";
import { type ServedPlugin, serve } from "../serve.ts";

const service = "/outrider.scorer.v1.ScorerService";
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Rates by queue and what is in flight, and vetoes the longest queue. */
const scorer = defineScorer({
  type: "queue",
  category: "distribution",
  state: "none",
  needs: ["waiting_requests", "inflight_requests", "veto"],
  config: z.strictObject({ most: z.number().default(10) }),
  create: ({ most }) => ({
    score({ candidates, columns, request, veto }, scores) {
      if (request.model === "broken") throw new Error("boom");
      candidates.forEach((slot, i) => {
        const load = columns.waitingRequests[slot]! + columns.inflightRequests[slot]!;
        if (load >= most) veto(i);
        scores[i] = 1 - load / most;
      });
      return "by queue";
    },
  }),
});

const producer = defineProducer({
  type: "half",
  state: "none",
  needs: [],
  produces: ["data.half"],
  config: z.unknown(),
  create: () => ({
    produce(_, [values]) {
      values![0] = 0.5;
    },
  }),
});

describe("a request that makes no sense", () => {
  const big = Buffer.alloc(maxFrameBytes + 1, " ");
  const asJson = { "content-type": "application/json" };
  const cases = [
    { title: "of no method", path: "/other.Service/Method", status: 501, code: "unimplemented" },
    { title: "that is no POST", method: "GET", status: 501, code: "unimplemented" },
    { title: "of another media type", headers: { "content-type": "text/plain" }, status: 501, code: "unimplemented" },
    { title: "without a media type", headers: {}, status: 501, code: "unimplemented" },
    {
      title: "that is compressed",
      headers: { ...asJson, "content-encoding": "gzip" },
      status: 501,
      code: "unimplemented",
    },
    { title: "in bytes that are no JSON", body: "{", status: 400, code: "invalid_argument" },
    { title: "in JSON of another form", body: '{"features":7}', status: 400, code: "invalid_argument" },
    {
      title: "in bytes that are no protobuf",
      headers: { "content-type": "application/proto" },
      body: "\xff\xff",
      status: 400,
      code: "invalid_argument",
    },
    { title: "of more than a mebibyte", body: big, status: 429, code: "resource_exhausted" },
    {
      title: "that configures before it says hello",
      path: `${service}/Configure`,
      status: 400,
      code: "failed_precondition",
    },
  ];
  for (const { title, status, code, ...request } of cases) {
    it(`${title} is refused, and the next is answered`, async () => {
      const { port } = await served();
      const { path = `${service}/Handshake`, method = "POST", headers = asJson, body = "{}" } = request;
      const refused = await ask(port, path, { method, headers, body });
      expect([refused.status, JSON.parse(refused.body.toString()).code]).toEqual([status, code]);
      expect((await ask(port, `${service}/Handshake`)).status).toBe(200);
    });
  }

  it("over HTTP/2 is refused as well", async () => {
    const { port } = await served();
    const client = h2(port);
    expect(await askHttp2(client, "/other.Service/Method", "{}")).toMatchObject({ status: 501 });
    expect(await askHttp2(client, `${service}/Session`, "{}")).toMatchObject({ status: 501 });
  });

  it("that is no HTTP ends its connection, and no other", async () => {
    const { port } = await served();
    const socket = net.connect(port, "127.0.0.1");
    cleanups.push(() => socket.destroy());
    socket.resume().write(Buffer.from([0x16, 3, 1, 0, 200, 1, 2, 3]));
    await once(socket, "close");
    expect((await ask(port, `${service}/Handshake`)).status).toBe(200);
  });

  it("without the token is refused in either version, but for health", async () => {
    const { port } = await served({ OUTRIDER_PLUGIN_TOKEN: "secret" });
    const client = h2(port);
    for (const method of ["Handshake", "Configure", "PushState", "Score", "PushFeedback"]) {
      expect((await ask(port, `${service}/${method}`)).status).toBe(401);
      expect((await askHttp2(client, `${service}/${method}`, "{}")).status).toBe(401);
    }
    const headers = { "content-type": "application/json", authorization: "Bearer secret" };
    expect((await ask(port, `${service}/Handshake`, { headers })).status).toBe(200);
    expect(await json(port, "/grpc.health.v1.Health/Check", {})).toEqual({ status: "SERVING" });
  });
});

describe("a host that opens no Session", () => {
  it("is kept in step call by call", async () => {
    const { port } = await served();
    const hello = await json(port, `${service}/Handshake`, { host: "outrider", hostInstance: "h", unknown: 1 });
    expect(hello).toMatchObject({ plugin: "queue", features: ["cancel", "handoff"] });
    await configure(port);
    const state = { epoch: 5, toRev: 3, full: true, upserts: endpoints(0, 1, 2), nowMs: 1000 };
    const columns = [
      { column: 1, values: [1, 2, 7], unknown: bits(1) },
      { column: 2, slots: bits(0, 2), values: [4, 3] },
    ];
    expect(await json(port, `${service}/PushState`, { ...state, more: true })).toEqual({});
    const rest = { ...state, upserts: [], columns };
    expect(await json(port, `${service}/PushState`, rest)).toEqual({ epoch: 5, rev: 3 });
    const answer = await json(port, `${service}/Score`, { callId: 9, instance: 1, epoch: 5, rev: 3 });
    expect(answer).toMatchObject({ callId: 9, epoch: 5, rev: 3, reason: "by queue", scores: [0.5, 0, 0] });
    expect([[...unpack(answer.abstain)], [...unpack(answer.veto)]]).toEqual([[1], [2]]);
    const produced = await json(port, `${service}/Score`, { callId: 10, instance: 2, epoch: 5, rev: 3 });
    expect(produced.data).toEqual([{ column: 40, values: [0.5, 0, 0], unknown: bits(1, 2) }]);
  });

  it("may speak protobuf, over HTTP/2 too", async () => {
    const { port } = await served();
    await inStep(port);
    const request = toBinary(
      ScoreRequestSchema,
      create(ScoreRequestSchema, { callId: 3, instance: 1, epoch: 5, rev: 1 }),
    );
    const headers = { "content-type": "application/proto" };
    const { body } = await ask(port, `${service}/Score`, { headers, body: Buffer.from(request) });
    const overHttp2 = await askHttp2(h2(port), `${service}/Score`, Buffer.from(request), headers["content-type"]);
    for (const bytes of [body, overHttp2.body]) {
      expect(fromBinary(ScoreResponseSchema, bytes)).toMatchObject({ callId: 3, scores: [0.5] });
    }
  });

  it("is told what its call came to where it fails", async () => {
    const { port } = await served();
    const call = { callId: 4, instance: 1, epoch: 5, rev: 1 };
    expect(await json(port, `${service}/Score`, call)).toMatchObject({ error: { code: "failed_precondition" } });
    await inStep(port);
    expect(await json(port, `${service}/Score`, { ...call, request: { model: "broken" } })).toMatchObject({
      callId: 4,
      error: { code: "internal", message: "boom" },
    });
    expect(await json(port, `${service}/Score`, { ...call, instance: 7 })).toMatchObject({
      error: { code: "invalid_argument" },
    });
    expect(await json(port, `${service}/Score`, { ...call, epoch: 6 })).toMatchObject({
      error: { code: "failed_precondition", haveEpoch: 5, haveRev: 1 },
    });
    expect(await json(port, `${service}/PushState`, { epoch: 5, fromRev: 8, toRev: 9 })).toMatchObject({
      nack: { code: "failed_precondition", haveRev: 1 },
    });
  });

  it("has state of its own", async () => {
    const { port } = await served();
    await inStep(port);
    await json(port, `${service}/Handshake`, { hostInstance: "other" });
    await configure(port, { most: 2 });
    const state = { epoch: 6, toRev: 1, full: true, upserts: endpoints(0), columns: [{ column: 1, values: [1] }] };
    await json(port, `${service}/PushState`, state);
    const scoresOf = async (epoch: number) =>
      (await json(port, `${service}/Score`, { callId: 1, instance: 1, epoch, rev: 1 })).scores;
    expect([await scoresOf(5), await scoresOf(6)]).toEqual([[0.5], [0.5]]);
    await json(port, `${service}/PushState`, {
      ...state,
      fromRev: 1,
      toRev: 2,
      full: false,
      upserts: [],
      columns: [{ column: 1, values: [0] }],
    });
    expect([await scoresOf(5), await scoresOf(6)]).toEqual([[0.5], [1]]);
  });
});

describe("one port", () => {
  it("takes both versions of HTTP, side by side", async () => {
    const { port } = await served();
    const client = h2(port);
    const answers = await Promise.all([
      ask(port, `${service}/Handshake`),
      askHttp2(client, `${service}/Handshake`, "{}"),
      ask(port, `${service}/Handshake`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers[0].headers["content-length"]).toBe(String(answers[0].body.length));
  });

  it("takes a first byte that comes alone", async () => {
    const { port } = await served();
    const socket = net.connect(port, "127.0.0.1");
    cleanups.push(() => socket.destroy());
    socket.setNoDelay(true);
    const text = `POST ${service}/Handshake HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
    for (const part of [text.slice(0, 1), text.slice(1, 2), text.slice(2)]) {
      socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [chunk] = await once(socket, "data");
    expect(String(chunk)).toContain("200 OK");
  });
});

async function served(environment: Record<string, string> = {}): Promise<ServedPlugin> {
  const plugin = await serve([scorer, producer], { port: 0, environment, log: () => {} });
  cleanups.push(() => plugin.close());
  return plugin;
}

async function configure(port: number, parameters: object = {}): Promise<void> {
  const configJson = Buffer.from(JSON.stringify(parameters)).toString("base64");
  const instances = [
    { id: 1, type: "queue", configJson },
    { id: 2, type: "half", data: [{ id: 40, key: "data.half" }] },
  ];
  const columns = [
    { id: 1, key: "waiting_requests" },
    { id: 2, key: "inflight_requests" },
  ];
  expect(await json(port, `${service}/Configure`, { instances, columns })).toEqual({});
}

/** One endpoint with a queue of five, at 5:1. */
async function inStep(port: number): Promise<void> {
  await json(port, `${service}/Handshake`, { hostInstance: "h" });
  await configure(port);
  const columns = [{ column: 1, values: [5] }];
  await json(port, `${service}/PushState`, { epoch: 5, toRev: 1, full: true, upserts: endpoints(0), columns });
}

function endpoints(...slots: number[]) {
  return slots.map((slot) => ({ slot, id: `e${slot}`, address: `10.0.0.${slot}:8000` }));
}

function bits(...positions: number[]): string {
  return Buffer.from(toBitmap(positions)).toString("base64");
}

function unpack(bitmap: unknown): Uint32Array {
  return fromBitmap(Buffer.from(String(bitmap), "base64"));
}

async function json(port: number, path: string, message: object): Promise<Record<string, unknown>> {
  const { status, body } = await ask(port, path, { body: JSON.stringify(message) });
  expect([status, body.toString()]).toEqual([200, body.toString()]);
  return JSON.parse(body.toString());
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

async function ask(port: number, path: string, asked: Asked = {}) {
  const { method = "POST", headers = { "content-type": "application/json" }, body = "{}" } = asked;
  const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
  const lengths = { ...headers, "content-length": String(bytes.length) };
  const request = http.request({ host: "127.0.0.1", port, path, method, headers: lengths });
  request.on("error", () => {});
  request.end(bytes);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

function h2(port: number): http2.ClientHttp2Session {
  const client = http2.connect(`http://127.0.0.1:${port}`);
  cleanups.push(() => client.destroy());
  return client;
}

async function askHttp2(
  client: http2.ClientHttp2Session,
  path: string,
  body: string | Buffer,
  type = "application/json",
) {
  const stream = client.request({ ":method": "POST", ":path": path, "content-type": type });
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.end(body);
  const [headers] = await once(stream, "response");
  await once(stream, "end");
  return { status: headers[":status"], headers, body: Buffer.concat(chunks) };
}
