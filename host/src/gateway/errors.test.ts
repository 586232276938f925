import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import { refuse } from "../scheduling/refusals.ts";
import { openBareServer, openModelServer, refusingDestination } from "./testing/model-server.ts";
import { type OpenGateway, openGateway, readAll } from "./testing/open-gateway.ts";

let open: OpenGateway;
let closing: (() => void)[] = [];

beforeEach(async () => {
  open = await openGateway();
});
afterEach(async () => {
  await open.close();
  for (const close of closing) close();
  closing = [];
});

/** Status and OpenAI error of a raw answer. */
function parseError(answer: string) {
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(answer) ?? [];
  return { status: Number(status), error: JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)).error };
}

async function servesOthers(): Promise<void> {
  const server = await openModelServer((_, response) => response.end("fine"));
  closing.push(server.close);
  open.scheduler.answer({ destinations: [server.destination] });
  expect((await open.ask({ body: "{}" })).status).toBe(200);
}

describe("an error of the gateway's own reads like an OpenAI server's", () => {
  it("a refusal, with its reason, the time to wait and the request's id", async () => {
    open.scheduler.answer({ ...refuse("ResourceExhausted", "saturated", "rejected-saturated"), retryAfterS: 3 });
    const { status, headers, body } = await open.ask({ headers: { "x-request-id": "mine" }, body: "{}" });
    expect(status).toBe(429);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "x-llm-d-request-dropped-reason": "rejected-saturated",
      "retry-after": "3",
      "x-request-id": "mine",
    });
    const error = { message: "saturated", type: "rate_limit_error", param: null, code: "ResourceExhausted" };
    expect(JSON.parse(body)).toEqual({ error });
    expect(await open.metric('outrider_gateway_refusals_total{code="ResourceExhausted"}')).toBe(1);
    expect(await open.metric('outrider_gateway_requests_total{outcome="refused"}')).toBe(1);
  });

  it("no endpoint that accepts the connection", async () => {
    open.scheduler.answer({ destinations: [await refusingDestination()] });
    const { status, body } = await open.ask({ body: "{}" });
    expect([status, JSON.parse(body).error.type]).toEqual([503, "server_error"]);
    expect(open.scheduler.seen[0]).toMatchObject({ responses: [{ status: 503 }], causes: ["upstream_error"] });
  });

  const bareAnswers = [
    { title: "what is no HTTP", answer: "SSH-2.0-OpenSSH\r\n\r\n" },
    { title: "nothing", answer: "" },
    { title: "half the headers", answer: "HTTP/1.1 200 OK\r\ncontent-le" },
    { title: "a status that there is not", answer: "HTTP/1.1 099 What\r\ncontent-length: 0\r\n\r\n" },
    { title: "two lengths", answer: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab" },
    { title: "another protocol", answer: "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n" },
  ];
  for (const { title, answer } of bareAnswers) {
    it(`a model server that answers ${title}`, async () => {
      const server = await openBareServer((socket) => socket.once("data", () => socket.end(answer)));
      closing.push(server.close);
      open.scheduler.answer({ destinations: [server.destination] });
      const { status, body } = await open.ask({ body: "{}" });
      expect([status, JSON.parse(body).error.type]).toEqual([502, "server_error"]);
      expect(open.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
    });
  }
});

describe("a request that cannot be served is refused before its body is read", () => {
  const refused = [
    { title: "no path", request: "OPTIONS * HTTP/1.1\r\nhost: a", status: 400 },
    {
      title: "a WebSocket",
      request: "GET /v1/realtime HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket",
      status: 501,
    },
    { title: "an expectation", request: "POST / HTTP/1.1\r\nhost: a\r\nexpect: the-unexpected", status: 417 },
    { title: "no host", request: "GET / HTTP/1.1", status: 400 },
    { title: "a tunnel", request: "CONNECT a:80 HTTP/1.1\r\nhost: a", status: 501 },
    {
      title: "an unknown coding",
      request: "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked",
      status: 501,
    },
    { title: "too large a body", request: `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${2 ** 30}`, status: 413 },
    {
      title: "too large a body, asked for first",
      request: `POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: ${2 ** 30}`,
      status: 413,
    },
    { title: "too many headers", request: `GET / HTTP/1.1\r\nhost: a${"\r\nx: 1".repeat(300)}`, status: 431 },
  ];
  for (const { title, request, status } of refused) {
    it(`${title}, with ${status}`, async () => {
      const socket = open.write(`${request}\r\n\r\n`);
      const answer = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
      expect(parseError(await answer)).toMatchObject({ status, error: { param: null } });
      socket.destroy();
      expect(open.scheduler.seen).toEqual([]);
    });
  }

  it("two hosts, with 400, before a model server sees it", async () => {
    const server = await openModelServer((_, response) => response.end());
    closing.push(server.close);
    open.scheduler.answer({ destinations: [server.destination] });
    const answer = await open.exchange("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n");
    expect(parseError(answer)).toMatchObject({ status: 400 });
    expect(server.seen).toEqual([]);
  });

  it("but one that could be upgraded is served as it is", async () => {
    const server = await openModelServer((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    closing.push(server.close);
    open.scheduler.answer({ destinations: [server.destination] });
    const headers = { connection: "upgrade, http2-settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
    const { status, body } = await open.ask({ method: "GET", headers });
    expect(status).toBe(200);
    expect(JSON.parse(body)).not.toHaveProperty("upgrade");
  });

  it("and is read on for a while, so that a client that sends all before it reads gets to know", async () => {
    const socket = open.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${2 * 1024 * 1024}\r\n\r\n`).pause();
    const errors: Error[] = [];
    socket.on("error", (error) => errors.push(error));
    for (let i = 0; i < 32; i++) {
      socket.write(Buffer.alloc(64 * 1024));
      await sleep(2);
    }
    expect(parseError(await readAll(socket.resume()))).toMatchObject({ status: 413 });
    expect([errors, open.held.bytes]).toEqual([[], 0]);
  });

  it("when its body turns out too large", async () => {
    const sent = open.begin({ headers: { "transfer-encoding": "chunked" } });
    for (let i = 0; i < 20; i++) sent.write(Buffer.alloc(64 * 1024));
    const response = await new Promise<{ statusCode?: number }>((resolve) => sent.on("response", resolve));
    expect(response.statusCode).toBe(413);
    sent.destroy();
    expect([open.held.bytes, open.scheduler.seen]).toEqual([0, []]);
  });
});

describe("what is no request", () => {
  const smuggled = "transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
  const garbage = [
    { title: "no HTTP", bytes: "\0\0\0garbage\r\n\r\n", status: 400 },
    { title: "a header flood", bytes: `GET / HTTP/1.1\r\n${"x-a: b\r\n".repeat(20_000)}\r\n`, status: 431 },
    {
      title: "two lengths",
      bytes: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
      status: 400,
    },
    {
      title: "a length and chunks",
      bytes: `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n${smuggled}`,
      status: 400,
    },
    {
      title: "chunks under a name with a blank",
      bytes: `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n`,
      status: 400,
    },
    { title: "a bare newline in a header", bytes: "GET / HTTP/1.1\r\nhost: a\r\nx: a\nb: c\r\n\r\n", status: 400 },
    {
      title: "a chunk without a size",
      bytes: "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
      status: 400,
    },
  ];
  for (const { title, bytes, status } of garbage) {
    it(`is turned away with ${status} in the same form, and others are served: ${title}`, async () => {
      const answer = parseError(await open.exchange(bytes));
      expect(answer).toMatchObject({ status, error: { type: "invalid_request_error" } });
      expect(open.scheduler.seen).toEqual([]);
      await servesOthers();
      expect(await open.metric("outrider_gateway_requests_open")).toBe(0);
    });
  }

  it("is not answered in the place of a request before it", async () => {
    const server = await openModelServer(() => {});
    closing.push(server.close);
    open.scheduler.answer({ destinations: [server.destination] });
    const socket = open.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const answer = readAll(socket);
    await eventually(() => expect(server.seen).toHaveLength(1));
    socket.write("garbage\r\n\r\n");
    expect(await answer).toBe("");
    await eventually(() => expect(server.aborted()).toBe(1));
  });

  it("within a request's body is answered with 400, and lets go of the body", async () => {
    const head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    expect(parseError(await open.exchange(`${head}4\r\nhalf\r\nzz\r\n`))).toMatchObject({ status: 400 });
    await eventually(async () => expect(await open.metric("outrider_gateway_requests_open")).toBe(0));
    expect([open.held.bytes, open.scheduler.seen]).toEqual([0, []]);
  });

  it("is not answered within the response of another request", async () => {
    const server = await openModelServer((_, response) => response.write("half"));
    closing.push(server.close);
    open.scheduler.answer({ destinations: [server.destination] });
    const socket = connect(open.port, "127.0.0.1");
    socket.on("error", () => {});
    const answer = readAll(socket);
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await eventually(() => expect(open.scheduler.seen[0]?.chunks).toEqual(["half"]));
    socket.write("garbage\r\n\r\n");
    expect(await answer).not.toContain("HTTP/1.1 400");
    await eventually(() => expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]));
  });
});
