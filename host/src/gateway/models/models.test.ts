import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../doors/testing/eventually.ts";
import { createGatewayMetrics } from "../metrics.ts";
import { type Answer, type ModelServer, openModelServer, refusingDestination } from "../testing/model-server.ts";
import { type OpenGateway, openGateway } from "../testing/open-gateway.ts";
import { createHttp1Upstream } from "../upstream/http1-upstream.ts";
import { createModelList } from "./model-list.ts";

let open: OpenGateway;
let servers: ModelServer[] = [];
let endpoints: string[] = [];

beforeEach(async () => {
  endpoints = [];
  open = await openGateway({ endpoints: () => endpoints });
});
afterEach(async () => {
  await open.close();
  for (const server of servers) server.close();
  servers = [];
});

async function serve(answer: Answer): Promise<ModelServer> {
  const server = await openModelServer(answer);
  servers.push(server);
  endpoints.push(server.destination);
  return server;
}

const listing =
  (...cards: readonly object[]): Answer =>
  (_, response) =>
    response.end(JSON.stringify({ object: "list", data: cards }));

describe("GET /v1/models", () => {
  it("lists the models of all model servers by id, as the first that has one shows it", async () => {
    await serve(listing({ id: "b", owned_by: "first" }, { id: "c", extra: [1] }));
    await serve(listing({ id: "a" }, { id: "b", owned_by: "second" }));
    const { status, headers, body } = await open.ask({ method: "GET", path: "/v1/models?x=1" });
    expect([status, headers["content-type"]]).toEqual([200, "application/json"]);
    expect(headers["x-request-id"]).toBeDefined();
    expect(JSON.parse(body)).toEqual({
      object: "list",
      data: [{ id: "a" }, { id: "b", owned_by: "first" }, { id: "c", extra: [1] }],
    });
    expect(open.scheduler.seen).toEqual([]);
    expect(await open.metric('outrider_gateway_models_asked_total{outcome="answered"}')).toBe(2);
  });

  const useless: { title: string; answer: Answer }[] = [
    {
      title: "an error",
      answer: (_, response) => response.writeHead(500).end(JSON.stringify({ data: [{ id: "x" }] })),
    },
    { title: "no JSON", answer: (_, response) => response.end("<html>") },
    { title: "no list", answer: (_, response) => response.end('{"data":{"id":"x"}}') },
    { title: "null", answer: (_, response) => response.end("null") },
    { title: "too long a list", answer: listing({ id: "x", filler: "x".repeat(2 * 1024 * 1024) }) },
    { title: "half of it", answer: (_, response) => response.write('{"data":[{"id":"x"}', () => response.destroy()) },
    { title: "an encoding", answer: (_, response) => response.writeHead(200, { "content-encoding": "br" }).end("x") },
  ];
  for (const { title, answer } of useless) {
    it(`leaves out a model server that answers with ${title}`, async () => {
      await serve(answer);
      await serve(listing({ id: "a" }, { name: "without id" }, null as never, { id: 7 }));
      endpoints.push(await refusingDestination());
      const { body } = await open.ask({ method: "GET", path: "/v1/models" });
      expect(JSON.parse(body).data).toEqual([{ id: "a" }]);
      expect(await open.metric('outrider_gateway_models_asked_total{outcome="failed"}')).toBe(2);
    });
  }

  it("is refused with 503 where none answers, or there is none", async () => {
    const none = await open.ask({ method: "GET", path: "/v1/models", headers: { authorization: "a" } });
    expect(none.status).toBe(503);
    await serve((_, response) => response.writeHead(401).end());
    const { status, body } = await open.ask({ method: "GET", path: "/v1/models" });
    expect([status, JSON.parse(body).error.message]).toEqual([503, expect.stringContaining("answered 401")]);
  });

  it("asks once for all who come at about the same time, as each of their keys", async () => {
    const server = await serve((incoming, response) => {
      response.end(JSON.stringify({ data: [{ id: String(incoming.headers.authorization) }] }));
    });
    const ask = async (headers: Record<string, string>) => {
      const { body } = await open.ask({ method: "GET", path: "/v1/models", headers });
      return JSON.parse(body).data[0].id;
    };
    const asked = [ask({}), ask({}), ask({ authorization: "Bearer 1" }), ask({ authorization: "Bearer 1" })];
    expect(await Promise.all(asked)).toEqual(["undefined", "undefined", "Bearer 1", "Bearer 1"]);
    expect(await ask({})).toBe("undefined");
    expect(server.seen).toHaveLength(2);
  });

  it("is answered to HEAD without the list", async () => {
    await serve(listing({ id: "a" }));
    const { status, body, headers } = await open.ask({ method: "HEAD", path: "/v1/models" });
    expect([status, body, headers["content-length"]]).toEqual([200, "", "37"]);
  });

  it("is the scheduler's to decide for any other method or path", async () => {
    const server = await serve((_, response) => response.end("fine"));
    open.scheduler.answer({ destinations: [server.destination] });
    for (const sent of [
      { method: "POST", path: "/v1/models", body: "{}" },
      { method: "GET", path: "/v1/modelsx" },
    ])
      expect((await open.ask(sent)).body).toBe("fine");
    expect(open.scheduler.seen).toHaveLength(2);
  });

  it("goes to a model server like any other where the gateway does not know them", async () => {
    await open.close();
    open = await openGateway();
    const server = await serve(listing({ id: "a" }));
    open.scheduler.answer({ destinations: [server.destination] });
    expect((await open.ask({ method: "GET", path: "/v1/models" })).status).toBe(200);
    expect(open.scheduler.seen).toHaveLength(1);
  });
});

describe("GET /v1/models/{id}", () => {
  const names = [
    { path: "/v1/models/a", want: { status: 200, body: { id: "a", n: 1 } } },
    { path: "/v1/models/org/model%3Alatest?x=1", want: { status: 200, body: { id: "org/model:latest" } } },
    { path: "/v1/models/b", want: { status: 404, body: { error: expect.objectContaining({ code: "NotFound" }) } } },
    { path: "/v1/models/%zz", want: { status: 404, body: { error: expect.anything() } } },
  ];
  for (const { path, want } of names) {
    it(`shows the one model of that name, or says that there is none: ${path}`, async () => {
      await serve(listing({ id: "a", n: 1 }, { id: "org/model:latest" }));
      const { status, body } = await open.ask({ method: "GET", path });
      expect({ status, body: JSON.parse(body) }).toEqual(want);
    });
  }
});

describe("a list of models", () => {
  it("is asked for again after a second, and is kept for few clients at once", async () => {
    let nowMs = 0;
    const upstream = createHttp1Upstream(1000);
    const metrics = createGatewayMetrics(new Registry());
    const server = await serve(listing({ id: "a" }));
    const list = createModelList({ endpoints: () => endpoints, upstream, metrics, nowMs: () => nowMs });
    await list.read(undefined);
    nowMs = 999;
    await list.read(undefined);
    expect(server.seen).toHaveLength(1);
    nowMs = 1000;
    await list.read(undefined);
    expect(server.seen).toHaveLength(2);
    const reads = Array.from({ length: 100 }, (_, i) => list.read(`Bearer ${i}`));
    const kinds = (await Promise.all(reads)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "models")).toHaveLength(63);
    expect(await reads[99]).toMatchObject({ status: 429, retryAfterS: 1 });
    await eventually(() => expect(server.seen).toHaveLength(65));
    nowMs = 2000;
    expect(await list.read("Bearer 99")).toMatchObject({ kind: "models" });
    await upstream.close();
  });
});
