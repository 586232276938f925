import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHeldBytes } from "../doors/held-bytes.ts";
import { eventually } from "../doors/testing/eventually.ts";
import { echo, type ModelServer, openModelServer } from "./testing/model-server.ts";
import { type OpenGateway, type OpenOptions, openGateway } from "./testing/open-gateway.ts";

let open: OpenGateway;
let servers: ModelServer[] = [];

afterEach(async () => {
  await open.close();
  for (const server of servers) server.close();
  servers = [];
});

async function opened(options: OpenOptions, answer = echo): Promise<ModelServer> {
  open = await openGateway(options);
  const server = await openModelServer(answer);
  servers.push(server);
  open.scheduler.answer({ destinations: [server.destination] });
  return server;
}

describe("more than may be", () => {
  it("of open requests is refused with 429 and served again later", async () => {
    let release = () => {};
    await opened({ limits: { maxOpenRequests: 2 } }, (_, response) => {
      const before = release;
      release = () => {
        before();
        response.end("fine");
      };
    });
    const first = [open.ask({ body: "1" }), open.ask({ body: "2" })];
    await eventually(() => expect(open.scheduler.seen).toHaveLength(2));
    const { status, headers } = await open.ask({ body: "3" });
    expect([status, headers["retry-after"]]).toEqual([429, "1"]);
    await eventually(() => expect(servers[0]?.seen).toHaveLength(2));
    release();
    await Promise.all(first);
    open.scheduler.answer({ destinations: [(await echoServer()).destination] });
    expect((await open.ask({ body: "4" })).status).toBe(200);
  });

  it("of held bytes is refused with 429, whoever holds the others", async () => {
    const held = createHeldBytes(100_000);
    await opened({ held });
    held.take(60_000);
    const refused = await open.ask({ body: "x".repeat(50_000) });
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "1"]);
    expect(held.bytes).toBe(60_000);
    expect((await open.ask({ body: "x".repeat(30_000) })).status).toBe(200);
    expect(held.bytes).toBe(60_000);
  });

  it("of connections is closed at once and counted", async () => {
    await opened({ limits: { maxConnections: 1 } });
    const first = open.write("");
    await eventually(async () => expect(await open.metric("outrider_gateway_connections_open")).toBe(1));
    const second = connect(open.port, "127.0.0.1").on("error", () => {});
    await new Promise((resolve) => second.resume().on("close", resolve));
    expect(await open.metric('outrider_connections_refused_total{door="gateway"}')).toBe(1);
    first.destroy();
  });

  it("of headers is refused with 431, as far as the limit says", async () => {
    await opened({ limits: { maxHeaderBytes: 10_000 } });
    const ask = (bytes: number) => open.ask({ headers: { "x-long": "x".repeat(bytes) }, body: "{}" });
    expect((await ask(8_000)).status).toBe(200);
    const refused = await ask(12_000);
    expect([refused.status, JSON.parse(refused.body).error.code]).toEqual([431, "HeadersTooLarge"]);
  });
});

describe("a large body", () => {
  it("is let go of once the response has begun, and not before", async () => {
    let begin = () => {};
    let end = () => {};
    await opened({}, (incoming, response) => {
      incoming.resume();
      begin = () => void response.write("begun");
      end = () => void response.end();
    });
    const answer = open.respond({ body: "x".repeat(400_000) });
    await eventually(() => expect(servers[0]?.seen[0]?.complete).toBe(true));
    expect(open.held.bytes).toBe(400_000);
    begin();
    const response = await answer;
    expect(open.held.bytes).toBe(0);
    end();
    await response.resume().toArray();
    expect(open.scheduler.seen[0]?.causes).toEqual(["ok"]);
  });

  it("reaches a model server that answers before it has read it, as far as that reads", async () => {
    await opened({ limits: { maxBodyBytes: 20_000_000 } }, (_, response) => response.writeHead(413).end("too much"));
    const { status, body } = await open.ask({ body: Buffer.alloc(10_000_000) });
    expect([status, body]).toEqual([413, "too much"]);
    expect(open.held.bytes).toBe(0);
  });
});

async function echoServer(): Promise<ModelServer> {
  const server = await openModelServer(echo);
  servers.push(server);
  return server;
}
