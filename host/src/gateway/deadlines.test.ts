import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { defaultPhaseDeadlines } from "../doors/deadlines.ts";
import { eventually } from "../doors/testing/eventually.ts";
import { type Answer, type ModelServer, openModelServer } from "./testing/model-server.ts";
import { type OpenGateway, type OpenOptions, openGateway, readAll } from "./testing/open-gateway.ts";

let open: OpenGateway;
let servers: ModelServer[] = [];

afterEach(async () => {
  await open.close();
  for (const server of servers) server.close();
  servers = [];
});

async function opened(options: OpenOptions, answer: Answer = () => {}): Promise<ModelServer> {
  open = await openGateway(options);
  const server = await openModelServer(answer);
  servers.push(server);
  open.scheduler.answer({ destinations: [server.destination] });
  return server;
}

describe("a request that takes too long is answered", () => {
  const overdue = [
    {
      title: "a body that does not go on, with 408",
      options: { deadlines: { ...defaultPhaseDeadlines, requestIdleMs: 40 } },
      status: 408,
    },
    { title: "a body that goes on for too long, with 408", options: { limits: { maxRequestMs: 60 } }, status: 408 },
  ];
  for (const { title, options, status } of overdue) {
    it(title, async () => {
      await opened(options);
      const sent = open.begin({ headers: { "content-length": "1000000" } });
      const drip = setInterval(() => sent.write("x"), status === 408 && "limits" in options ? 10 : 1_000_000);
      const [response] = await new Promise<[IncomingMessage]>((resolve) =>
        sent.on("response", (...all) => resolve(all)),
      );
      clearInterval(drip);
      expect([response.statusCode, response.headers.connection]).toEqual([status, "close"]);
      sent.destroy();
      expect([open.scheduler.seen, open.held.bytes]).toEqual([[], 0]);
    });
  }

  it("headers that do not come whole, with 408 in the same form", async () => {
    await opened({ limits: { maxRequestMs: 60 } });
    const answer = await open.exchange("POST / HTTP/1.1\r\nhost: a\r\nx-");
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*"code":"RequestTimeout"/s);
  });

  it("a decision that does not come, with 503", async () => {
    await opened({ deadlines: { ...defaultPhaseDeadlines, decisionMs: 40 } });
    open.scheduler.hold();
    expect((await open.ask({ body: "{}" })).status).toBe(503);
  });

  it("a response that does not begin, with 504, and the model server is let go", async () => {
    const server = await opened({ options: { responseTimeoutMs: 40 } });
    const { status, body } = await open.ask({ body: "{}" });
    expect([status, JSON.parse(body).error.type]).toEqual([504, "server_error"]);
    await eventually(() => expect(server.aborted()).toBe(1));
    expect(open.scheduler.seen[0]).toMatchObject({ responses: [{ status: 504 }], causes: ["upstream_error"] });
    expect(await open.metric('outrider_gateway_upstream_faults_total{fault="response_timeout"}')).toBe(1);
  });
});

describe("a response", () => {
  it("that does not go on is cut, and the model server let go", async () => {
    const server = await opened({ options: { idleTimeoutMs: 60 } }, (_, response) => response.write("half"));
    const answer = await open.exchange("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(answer).toMatch(/half\r\n$/);
    await eventually(() => expect(server.aborted()).toBe(1));
    expect(open.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
    expect(await open.metric('outrider_gateway_upstream_faults_total{fault="idle_timeout"}')).toBe(1);
  });

  it("that goes on, however slowly, is not cut", async () => {
    await opened({ options: { idleTimeoutMs: 100 } }, (_, response) => {
      let left = 10;
      const timer = setInterval(() => {
        response.write("x");
        if (--left > 0) return;
        clearInterval(timer);
        response.end();
      }, 40);
    });
    expect((await open.ask({ body: "{}" })).body).toBe("x".repeat(10));
  });

  it("that its client does not read is cut while the model server writes on", async () => {
    await opened({ options: { idleTimeoutMs: 150 } }, (_, response) => response.end(Buffer.alloc(unreadBytes)));
    await expectCut("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  });

  it("that its client does not read is cut when nothing more is to come", async () => {
    const endpoints: string[] = [];
    let cards = 0;
    const server = await opened({ options: { idleTimeoutMs: 150 }, endpoints: () => endpoints }, (_, response) =>
      response.end(JSON.stringify({ data: [{ id: String(cards++), filler: "x".repeat(1_000_000) }] })),
    );
    endpoints.push(...Array.from({ length: unreadBytes / 1_000_000 }, () => server.destination));
    await expectCut("GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n");
  });

  it("is waited for from when the request is sent, not from when it was decided", async () => {
    await opened({ options: { responseTimeoutMs: 120 } }, (_, response) => setTimeout(() => response.end("fine"), 60));
    const release = open.scheduler.hold();
    const answer = open.ask({ body: "{}" });
    await sleep(150);
    release();
    expect((await answer).status).toBe(200);
  });
});

/** More than the kernel keeps for a client that does not read. */
const unreadBytes = 32_000_000;

/** Sends a request and does not read the answer, which is cut for that. */
async function expectCut(request: string): Promise<void> {
  const socket = open.write(request).pause();
  await eventually(async () => expect(await open.metric("outrider_gateway_connections_open")).toBe(1));
  await eventually(async () => expect(await open.metric("outrider_gateway_connections_open")).toBe(0));
  expect((await readAll(socket.resume())).length).toBeLessThan(unreadBytes);
  expect(await open.metric('outrider_gateway_requests_total{outcome="client_gone"}')).toBe(1);
}
