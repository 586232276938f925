import { once } from "node:events";
import { type ClientRequest, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defaultPhaseDeadlines } from "../doors/deadlines.ts";
import { createFakeScheduler, type FakeScheduler } from "../doors/testing/fake-scheduler.ts";
import { refuse } from "../scheduling/refusals.ts";
import { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
import { createGatewayMetrics } from "./metrics.ts";

/** A model server: what it was sent, and what it does with it. */
interface ModelServer {
  readonly destination: string;
  readonly seen: IncomingMessage[];
  /** Connections that were cut before their response was through. */
  readonly aborted: () => number;
}

let scheduler: FakeScheduler;
let gateway: Gateway;
let registry: Registry;
let port = 0;
let closing: (() => void)[] = [];

async function openGateway(options: Partial<GatewayOptions> = {}): Promise<void> {
  scheduler = createFakeScheduler();
  registry = new Registry();
  const metrics = createGatewayMetrics(registry);
  gateway = createGateway({ scheduler, metrics, maxBodyBytes: 1024 * 1024, ...options });
  port = (await gateway.listen("127.0.0.1", 0)).port;
}

beforeEach(() => openGateway());
afterEach(async () => {
  await gateway.close();
  for (const close of closing) close();
  closing = [];
});

async function openModelServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ModelServer> {
  const seen: IncomingMessage[] = [];
  let abortedCount = 0;
  const server = createServer((incoming, response) => {
    seen.push(incoming);
    response.on("close", () => {
      if (!response.writableFinished) abortedCount++;
    });
    answer(incoming, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { destination: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen, aborted: () => abortedCount };
}

/** A model server's port where nobody listens. */
async function refusingDestination(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: freed } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${freed}`;
}

async function openRequests(): Promise<number> {
  return Number(/^outrider_gateway_requests_open (\d+)$/m.exec(await registry.metrics())?.[1]);
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

function start({ method = "POST", path = "/v1/completions", headers = {}, body }: Sent): ClientRequest {
  const sent = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
  sent.on("error", () => {});
  sent.end(body);
  return sent;
}

async function ask(sent: Sent): Promise<{ status: number; headers: IncomingMessage["headers"]; body: string }> {
  const [response] = (await once(start(sent), "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

const echo = (incoming: IncomingMessage, response: ServerResponse) => {
  response.setHeader("x-model", "m");
  incoming.pipe(response);
};

describe("a request", () => {
  it("goes to the endpoint that is decided and comes back whole", async () => {
    const server = await openModelServer(echo);
    scheduler.answer({ destinations: [server.destination], setHeaders: [["x-session-token", "t"]] });
    const body = "x".repeat(400_000);
    const answer = await ask({
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
    expect(scheduler.seen[0]).toMatchObject({
      body,
      responses: [{ status: 200, served: server.destination }],
      causes: ["ok"],
    });
  });

  const bodyless = [
    { title: "GET", sent: { method: "GET", path: "/health" } },
    { title: "HEAD", sent: { method: "HEAD", path: "/health" } },
    { title: "POST of no bytes", sent: { method: "POST", headers: { "content-length": "0" } } },
  ];
  for (const { title, sent } of bodyless) {
    it(`without a body is decided without one: ${title}`, async () => {
      const server = await openModelServer((_, response) => response.end("fine"));
      scheduler.answer({ destinations: [server.destination] });
      const { status, body } = await ask(sent);
      expect([status, body]).toEqual([200, title === "HEAD" ? "" : "fine"]);
      expect(scheduler.seen[0]?.body).toBeUndefined();
      expect(server.seen[0]?.method).toBe(sent.method);
    });
  }

  it("shows the scheduler its headers, repeated and beyond ASCII", async () => {
    const server = await openModelServer(echo);
    scheduler.answer({ destinations: [server.destination] });
    const name = Buffer.from("müller").toString("latin1");
    await ask({ headers: { Cookie: ["a=1", "b=2"], "x-name": name }, body: Buffer.from("{}") });
    const incoming = scheduler.seen[0]?.request;
    expect(incoming).toMatchObject({ door: "gateway", method: "POST", path: "/v1/completions", subset: undefined });
    expect(incoming?.header("x-name")).toBe("müller");
    expect([...(incoming?.headers() ?? [])].map(([header]) => header)).toContain("cookie");
  });

  it("leaves the headers of its connection behind, both ways", async () => {
    const server = await openModelServer((_, response) => {
      response.setHeader("connection", "close, x-private");
      response.setHeader("x-private", "1");
      response.end("fine");
    });
    scheduler.answer({ destinations: [server.destination] });
    const hop = {
      connection: "close, x-hop",
      "x-hop": "1",
      te: "trailers",
      "proxy-authorization": "p",
      expect: "100-continue",
    };
    const { headers } = await ask({ headers: { ...hop, "x-gateway-destination-endpoint": "6.6.6.6:80" }, body: "{}" });
    expect(headers).not.toHaveProperty("x-private");
    for (const header of ["x-hop", "te", "proxy-authorization", "expect", "x-gateway-destination-endpoint"]) {
      expect(server.seen[0]?.headers).not.toHaveProperty(header);
    }
  });

  it("whose endpoints refuse the connection goes to the next one", async () => {
    const server = await openModelServer(echo);
    scheduler.answer({ destinations: [await refusingDestination(), await refusingDestination(), server.destination] });
    expect(await ask({ body: "hello" })).toMatchObject({ status: 200, body: "hello" });
    expect(scheduler.seen[0]).toMatchObject({ responses: [{ served: server.destination }], causes: ["ok"] });
  });

  it("does not go to the next endpoint once one had it", async () => {
    const first = await openModelServer((_, response) => response.destroy());
    const second = await openModelServer(echo);
    scheduler.answer({ destinations: [first.destination, second.destination] });
    expect((await ask({ body: "hello" })).status).toBe(502);
    expect(second.seen).toEqual([]);
    expect(scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
  });
});

describe("a streamed response", () => {
  it("passes chunk by chunk, its headers before the first", async () => {
    let upstream: ServerResponse | undefined;
    const server = await openModelServer((_, response) => {
      upstream = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    });
    scheduler.answer({ destinations: [server.destination] });
    const [response] = (await once(start({ body: "{}" }), "response")) as [IncomingMessage];
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      upstream?.write(event);
      expect(String((await once(response, "data"))[0])).toBe(event);
    }
    upstream?.end();
    await once(response, "end");
    expect(scheduler.seen[0]).toMatchObject({
      responses: [{ status: 200, contentType: "text/event-stream" }],
      chunks: ["data: 1\n\n", "data: 2\n\n"],
      causes: ["ok"],
    });
  });

  it("that the model server cuts is cut for the client", async () => {
    const server = await openModelServer((_, response) => response.write("half", () => response.destroy()));
    scheduler.answer({ destinations: [server.destination] });
    const [response] = (await once(start({ body: "{}" }), "response")) as [IncomingMessage];
    await expect(text(response)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
  });

  it("does not pile up in front of a client that does not read", async () => {
    let written = 0;
    const server = await openModelServer((_, response) => {
      const fill = () => {
        while (written < 200 * 1024 * 1024 && response.write(Buffer.alloc(64 * 1024))) written += 64 * 1024;
      };
      response.on("drain", fill);
      fill();
    });
    scheduler.answer({ destinations: [server.destination] });
    const [response] = (await once(start({ body: "{}" }), "response")) as [IncomingMessage];
    let before = -1;
    await vi.waitFor(
      () => {
        const stands = written === before;
        before = written;
        expect(stands).toBe(true);
      },
      { interval: 100 },
    );
    expect(written).toBeLessThan(100 * 1024 * 1024);
    response.destroy();
    await vi.waitFor(() => expect(scheduler.seen[0]?.causes).toEqual(["client_cancelled"]));
  });
});

describe("a client that leaves", () => {
  it("while the model server works takes the request with it", async () => {
    const server = await openModelServer(() => {});
    scheduler.answer({ destinations: [server.destination] });
    const sent = start({ body: "{}" });
    await vi.waitFor(() => expect(server.seen).toHaveLength(1));
    sent.destroy();
    await vi.waitFor(() => expect(server.aborted()).toBe(1));
    expect(scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  });

  it("within the response takes the request with it", async () => {
    const server = await openModelServer((_, response) => response.write("data: 1\n\n"));
    scheduler.answer({ destinations: [server.destination] });
    const [response] = (await once(start({ body: "{}" }), "response")) as [IncomingMessage];
    response.destroy();
    await vi.waitFor(() => expect(server.aborted()).toBe(1));
    expect(scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  });

  it("while it is decided is not sent on", async () => {
    const server = await openModelServer(echo);
    scheduler.answer({ destinations: [server.destination] });
    const release = scheduler.hold();
    const sent = start({ body: "{}" });
    await vi.waitFor(() => expect(scheduler.seen).toHaveLength(1));
    sent.destroy();
    await vi.waitFor(async () => expect(await openRequests()).toBe(0));
    release();
    await vi.waitFor(() => expect(scheduler.seen[0]?.causes).toEqual(["client_cancelled"]));
    expect(server.seen).toEqual([]);
  });
});

describe("an error of the gateway's own reads like an OpenAI server's", () => {
  it("a refusal, with its reason and the time to wait", async () => {
    scheduler.answer({ ...refuse("ResourceExhausted", "saturated", "rejected-saturated"), retryAfterS: 3 });
    const { status, headers, body } = await ask({ body: "{}" });
    expect(status).toBe(429);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "x-llm-d-request-dropped-reason": "rejected-saturated",
      "retry-after": "3",
    });
    const error = { message: "saturated", type: "rate_limit_error", param: null, code: "ResourceExhausted" };
    expect(JSON.parse(body)).toEqual({ error });
  });

  it("a body over the limit", async () => {
    const { status, body } = await ask({ body: Buffer.alloc(2 * 1024 * 1024) });
    expect([status, JSON.parse(body).error.code]).toEqual([413, "PayloadTooLarge"]);
    expect(scheduler.seen).toEqual([]);
  });

  it("no endpoint that accepts the connection", async () => {
    scheduler.answer({ destinations: [await refusingDestination()] });
    const { status, body } = await ask({ body: "{}" });
    expect([status, JSON.parse(body).error.type]).toEqual([503, "server_error"]);
    expect(scheduler.seen[0]).toMatchObject({ responses: [{ status: 503 }], causes: ["upstream_error"] });
  });

  it("a request target that is no path", async () => {
    expect((await ask({ method: "OPTIONS", path: "*" })).status).toBe(400);
  });

  const phases = [
    { title: "a body that does not go on", phase: "requestIdleMs", status: 504 },
    { title: "a decision that does not come", phase: "decisionMs", status: 503 },
    { title: "a response that does not begin", phase: "responseStartMs", status: 504 },
  ] as const;
  for (const { title, phase, status } of phases) {
    it(`${title}, with ${status}`, async () => {
      await gateway.close();
      await openGateway({ deadlines: { ...defaultPhaseDeadlines, [phase]: 40 } });
      const server = await openModelServer(() => {});
      scheduler.answer({ destinations: [server.destination] });
      if (phase === "decisionMs") scheduler.hold();
      const sent = request({ host: "127.0.0.1", port, method: "POST", path: "/", agent: false });
      sent.on("error", () => {});
      sent.write("{");
      if (phase !== "requestIdleMs") sent.end("}");
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      expect(response.statusCode).toBe(status);
      sent.destroy();
    });
  }
});

describe("what is no request", () => {
  const garbage = [
    { title: "no HTTP", bytes: "\0\0\0garbage\r\n\r\n" },
    { title: "a header flood", bytes: `GET / HTTP/1.1\r\n${"x-a: b\r\n".repeat(20_000)}\r\n` },
    { title: "two lengths", bytes: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab" },
    { title: "a tunnel", bytes: "CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n" },
  ];
  for (const { title, bytes } of garbage) {
    it(`is turned away, and others are served: ${title}`, async () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.end(bytes);
      socket.resume();
      await new Promise((resolve) => socket.on("close", resolve));
      const server = await openModelServer(echo);
      scheduler.answer({ destinations: [server.destination] });
      expect((await ask({ body: "{}" })).status).toBe(200);
    });
  }
});

describe("draining", () => {
  it("finishes what is open and refuses what is new", async () => {
    let upstream: ServerResponse | undefined;
    const server = await openModelServer((_, response) => {
      upstream = response;
    });
    scheduler.answer({ destinations: [server.destination] });
    const answer = ask({ body: "{}" });
    await vi.waitFor(() => expect(upstream).toBeDefined());
    const drained = gateway.drain(10_000);
    await expect(ask({ body: "{}" }).catch(() => "refused")).resolves.toBe("refused");
    upstream?.end("late");
    expect((await answer).body).toBe("late");
    await drained;
  });

  it("drops what is left when its time is over", async () => {
    const server = await openModelServer(() => {});
    scheduler.answer({ destinations: [server.destination] });
    const sent = start({ body: "{}" });
    await vi.waitFor(() => expect(server.seen).toHaveLength(1));
    const closed = new Promise((resolve) => sent.on("close", resolve));
    await gateway.drain(50);
    await closed;
    expect(scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  });
});
