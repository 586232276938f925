import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import { type Answer, echo, type ModelServer, openModelServer } from "./testing/model-server.ts";
import { type OpenGateway, openGateway } from "./testing/open-gateway.ts";

let open: OpenGateway;
let servers: ModelServer[] = [];

beforeEach(async () => {
  open = await openGateway();
});
afterEach(async () => {
  await open.close();
  for (const server of servers) server.close();
  servers = [];
});

/** A model server that every request goes to. */
async function serve(answer: Answer): Promise<ModelServer> {
  const server = await openModelServer(answer);
  servers.push(server);
  open.scheduler.answer({ destinations: [server.destination] });
  return server;
}

describe("a request", () => {
  it("goes to the endpoint that is decided and comes back whole", async () => {
    const server = await serve(echo);
    open.scheduler.answer({ destinations: [server.destination], setHeaders: [["x-session-token", "t"]] });
    const body = "x".repeat(400_000);
    const answer = await open.ask({
      path: "/v1/completions?a=1",
      headers: { "x-session-token": "old", "x-other": "o" },
      body,
    });
    expect(answer).toMatchObject({ status: 200, body, headers: { "x-model": "m" } });
    expect(server.seen[0]).toMatchObject({ method: "POST", url: "/v1/completions?a=1" });
    expect(server.seen[0]?.headers).toMatchObject({
      "x-session-token": "t",
      "x-other": "o",
      "content-length": "400000",
    });
    expect(open.scheduler.seen[0]).toMatchObject({
      body,
      responses: [{ status: 200, served: server.destination }],
      causes: ["ok"],
    });
    expect(open.held.bytes).toBe(0);
  });

  const bodyless = [
    { title: "GET", sent: { method: "GET", path: "/health" } },
    { title: "HEAD", sent: { method: "HEAD", path: "/health" } },
    { title: "POST of no bytes", sent: { method: "POST", headers: { "content-length": "0" } } },
  ];
  for (const { title, sent } of bodyless) {
    it(`without a body is decided without one: ${title}`, async () => {
      const server = await serve((_, response) => response.end("fine"));
      const { status, body } = await open.ask(sent);
      expect([status, body]).toEqual([200, title === "HEAD" ? "" : "fine"]);
      expect(open.scheduler.seen[0]?.body).toBeUndefined();
      expect(server.seen[0]?.method).toBe(sent.method);
    });
  }

  it("shows the scheduler its headers, repeated and beyond ASCII", async () => {
    await serve(echo);
    const name = Buffer.from("m\u00fcller").toString("latin1");
    await open.ask({ headers: { Cookie: ["a=1", "b=2"], "x-name": name }, body: Buffer.from("{}") });
    const incoming = open.scheduler.seen[0]?.request;
    expect(incoming).toMatchObject({ door: "gateway", path: "/v1/completions", subset: undefined });
    expect(incoming?.header("x-name")).toBe("m\u00fcller");
    expect(incoming?.header("cookie")).toBe("a=1; b=2");
  });

  it("leaves the headers of its connection behind, both ways", async () => {
    const server = await serve((_, response) => {
      response.setHeader("connection", "close, x-private");
      response.setHeader("x-private", "1");
      response.setHeader("keep-alive", "timeout=5");
      response.end("fine");
    });
    const hop = {
      connection: ["close, x-hop", "X-Hop-Too"],
      "x-hop": "1",
      "x-hop-too": "1",
      te: "trailers",
      "proxy-authorization": "p",
      "http2-settings": "AAA",
      expect: "100-continue",
    };
    const { headers } = await open.ask({
      headers: { ...hop, "x-gateway-destination-endpoint": "6.6.6.6:80" },
      body: "{}",
    });
    expect(headers).not.toHaveProperty("x-private");
    for (const header of [...Object.keys(hop), "x-gateway-destination-endpoint"].filter(
      (name) => name !== "connection",
    ))
      expect(server.seen[0]?.headers).not.toHaveProperty(header);
  });

  it("leaves behind what must not go on, in any case, and carries what the decision sets in its place", async () => {
    const server = await serve((_, response) => response.end("fine"));
    open.scheduler.answer({
      destinations: [server.destination],
      setHeaders: [["x-prefiller-host-port", "10.0.0.2:8000"]],
      removeHeaders: ["x-prefiller-host-port", "x-encoder-hosts-ports", "x-llm-d-inference-objective"],
    });
    const sent = {
      "X-Prefiller-Host-Port": "evil",
      "X-Encoder-Hosts-Ports": "evil",
      "x-llm-d-inference-objective": "o",
    };
    await open.ask({ headers: { ...sent, "x-other": "1" }, body: "{}" });
    expect(server.seen[0]?.headers).toMatchObject({ "x-prefiller-host-port": "10.0.0.2:8000", "x-other": "1" });
    expect(server.seen[0]?.headers).not.toHaveProperty("x-encoder-hosts-ports");
    expect(server.seen[0]?.headers).not.toHaveProperty("x-llm-d-inference-objective");
  });

  it("that names a whole URL goes to its path, for its host", async () => {
    const server = await serve((_, response) => response.end("fine"));
    const answer = await open.exchange(
      "GET http://model.example:81/health?a=1 HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.seen[0]).toMatchObject({ url: "/health?a=1", headers: { host: "model.example:81" } });
  });

  it("that waits to be told sends its body then", async () => {
    await serve(echo);
    const sent = open.begin({ headers: { expect: "100-continue", "content-length": "5" } });
    await once(sent, "continue");
    sent.end("hello");
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(await text(response)).toBe("hello");
  });

  it("that comes in single bytes is passed on whole", async () => {
    await serve(echo);
    const sent = open.begin({ headers: { "transfer-encoding": "chunked" } });
    const body = "byte by byte ".repeat(20);
    for (const byte of body) {
      sent.write(byte);
      await sleep(0);
    }
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(await text(response)).toBe(body);
  });

  it("is answered in order with others that were sent behind it", async () => {
    await serve((incoming, response) => setTimeout(() => response.end(incoming.url), incoming.url === "/1" ? 50 : 0));
    const get = (path: string, rest = "") => `GET ${path} HTTP/1.1\r\nhost: a\r\n${rest}\r\n`;
    const answer = await open.exchange(get("/1") + get("/2") + get("/3", "connection: close\r\n"));
    expect(answer.match(/(?<=\r\n\r\n(\w\r\n)?)\/\d/g)).toEqual(["/1", "/2", "/3"]);
  });
});

describe("a request's id", () => {
  it("goes to the model server, the scheduler and the client as the client gave it", async () => {
    const server = await serve((_, response) => response.setHeader("x-request-id", "the server's").end());
    const { headers } = await open.ask({ headers: { "X-Request-ID": "mine" }, body: "{}" });
    expect(headers["x-request-id"]).toBe("mine");
    expect(server.seen[0]?.headers["x-request-id"]).toBe("mine");
    expect(open.scheduler.seen[0]?.request.header("x-request-id")).toBe("mine");
  });

  it("is one and the same where the client gave none, or one that cannot be logged", async () => {
    const server = await serve(echo);
    for (const headers of [{}, { "x-request-id": "x".repeat(300) }, { "x-request-id": ["a", "b\u00ff"] }]) {
      const answer = await open.ask({ headers, body: "{}" });
      const id = answer.headers["x-request-id"];
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(server.seen.at(-1)?.headers["x-request-id"]).toBe(id);
      expect(open.scheduler.seen.at(-1)?.request.header("x-request-id")).toBe(id);
    }
  });
});

describe("a response", () => {
  it("passes chunk by chunk, its headers before the first", async () => {
    let upstream: ServerResponse | undefined;
    await serve((_, response) => {
      upstream = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    });
    const response = await open.respond({ body: "{}" });
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      upstream?.write(event);
      expect(String((await once(response, "data"))[0])).toBe(event);
    }
    upstream?.end();
    await once(response, "end");
    expect(open.scheduler.seen[0]).toMatchObject({
      responses: [{ status: 200, contentType: "text/event-stream" }],
      chunks: ["data: 1\n\n", "data: 2\n\n"],
      causes: ["ok"],
    });
  });

  for (const observation of ["headers", "none"] as const) {
    it(`is not shown to a scheduler that wants ${observation} of it`, async () => {
      const server = await serve(echo);
      open.scheduler.answer({ destinations: [server.destination], observation });
      expect((await open.ask({ body: "hello" })).body).toBe("hello");
      expect(open.scheduler.seen[0]).toMatchObject({ responses: [{ status: 200 }], chunks: [], causes: ["ok"] });
    });
  }

  it("carries the headers of the decision in the place of the model server's", async () => {
    const server = await serve((_, response) => response.setHeader("X-Revision", "a").setHeader("x-own", "1").end());
    open.scheduler.answer({ destinations: [server.destination], setResponseHeaders: [["x-revision", "b"]] });
    const { headers } = await open.ask({ body: "{}" });
    expect(headers).toMatchObject({ "x-revision": "b", "x-own": "1" });
  });

  it("brings its trailers along", async () => {
    await serve((_, response) => {
      response.writeHead(200, { trailer: "x-tokens" });
      response.write("hello");
      response.addTrailers({ "x-tokens": "5" });
      response.end();
    });
    const { body, headers, trailers } = await open.ask({ body: "{}" });
    expect([body, headers.trailer, trailers]).toEqual(["hello", "x-tokens", { "x-tokens": "5" }]);
  });

  for (const status of [204, 304]) {
    it(`of status ${status} has no body`, async () => {
      await serve((_, response) => response.writeHead(status, { etag: "e" }).end());
      expect(await open.ask({ method: "GET" })).toMatchObject({ status, body: "", headers: { etag: "e" } });
    });
  }

  it("to HEAD has the length that GET would have", async () => {
    await serve((_, response) => response.writeHead(200, { "content-length": "1234" }).end());
    expect(await open.ask({ method: "HEAD" })).toMatchObject({ body: "", headers: { "content-length": "1234" } });
  });

  it("keeps the bytes of its headers, whether they go out alone or with the body", async () => {
    const value = Buffer.from("m\u00fcller").toString("latin1");
    for (const waitMs of [0, 50]) {
      await serve((_, response) => {
        response.writeHead(200, ["x-name", value]);
        response.write("", "latin1");
        setTimeout(() => response.end(), waitMs);
      });
      expect((await open.ask({ body: "{}" })).headers["x-name"]).toBe(value);
    }
  });

  it("comes without what was said before it", async () => {
    await serve((_, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("fine");
    });
    expect(await open.ask({ body: "{}" })).toMatchObject({ status: 200, body: "fine" });
  });

  it("that the model server cuts is cut for the client", async () => {
    await serve((_, response) => response.write("half", () => response.destroy()));
    await expect(text(await open.respond({ body: "{}" }))).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(open.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
    expect(await open.metric('outrider_gateway_upstream_faults_total{fault="broken"}')).toBe(1);
  });

  it("does not pile up in front of a client that does not read", async () => {
    let written = 0;
    await serve((_, response) => {
      const fill = () => {
        while (written < 200 * 1024 * 1024 && response.write(Buffer.alloc(64 * 1024))) written += 64 * 1024;
      };
      response.on("drain", fill);
      fill();
    });
    const response = await open.respond({ body: "{}" });
    let before = -1;
    await eventually(
      () => {
        const stands = written === before;
        before = written;
        expect(stands).toBe(true);
      },
      { interval: 100 },
    );
    expect(written).toBeLessThan(100 * 1024 * 1024);
    response.destroy();
    await eventually(() => expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]));
  });
});

describe("a client that leaves", () => {
  it("while the model server works takes the request with it", async () => {
    const server = await serve(() => {});
    const sent = open.start({ body: "{}" });
    await eventually(() => expect(server.seen).toHaveLength(1));
    sent.destroy();
    await eventually(() => expect(server.aborted()).toBe(1));
    expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
    expect(open.held.bytes).toBe(0);
  });

  it("within the response takes the request with it", async () => {
    const server = await serve((_, response) => response.write("data: 1\n\n"));
    (await open.respond({ body: "{}" })).destroy();
    await eventually(() => expect(server.aborted()).toBe(1));
    expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
    expect(await open.metric('outrider_gateway_requests_total{outcome="client_gone"}')).toBe(1);
  });

  it("within its request leaves nothing behind", async () => {
    const socket = open.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10000\r\n\r\nhalf");
    await eventually(() => expect(open.held.bytes).toBe(4));
    socket.destroy();
    await eventually(async () => expect(await open.metric("outrider_gateway_requests_open")).toBe(0));
    expect([open.held.bytes, open.scheduler.seen]).toEqual([0, []]);
  });

  it("while it is decided is not sent on", async () => {
    const server = await serve(echo);
    const release = open.scheduler.hold();
    const sent = open.start({ body: "{}" });
    await eventually(() => expect(open.scheduler.seen).toHaveLength(1));
    sent.destroy();
    await eventually(async () => expect(await open.metric("outrider_gateway_requests_open")).toBe(0));
    release();
    await eventually(() => expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]));
    expect(server.seen).toEqual([]);
  });
});
