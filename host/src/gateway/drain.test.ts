import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import { type Answer, type ModelServer, openModelServer } from "./testing/model-server.ts";
import { type OpenGateway, openGateway, readAll } from "./testing/open-gateway.ts";

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

async function serve(answer: Answer): Promise<ModelServer> {
  const server = await openModelServer(answer);
  servers.push(server);
  open.scheduler.answer({ destinations: [server.destination] });
  return server;
}

/** Whether the gateway accepts no connection any more. */
function isRefused(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(open.port, "127.0.0.1");
    socket.on("error", () => resolve(true));
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}

/** Asks again and again, over connections that are kept, until it is told that this one closes. */
async function askOnAndOn(agent: Agent): Promise<readonly string[]> {
  const outcomes: string[] = [];
  while (outcomes.at(-1) !== "200 fine close" && outcomes.length < 10_000) outcomes.push(await askOnce(agent));
  return outcomes;
}

function askOnce(agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const sent = httpRequest({ host: "127.0.0.1", port: open.port, method: "POST", path: "/", agent });
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.on("response", (response: IncomingMessage) => {
      text(response).then(
        (body) => resolve(`${response.statusCode} ${body} ${response.headers.connection}`),
        (error: Error) => resolve(error.message),
      );
    });
    sent.end("{}");
  });
}

describe("draining", () => {
  it("finishes what is open and refuses what is new", async () => {
    let upstream: ServerResponse | undefined;
    await serve((_, response) => {
      upstream = response;
    });
    const answer = open.ask({ body: "{}" });
    await eventually(() => expect(upstream).toBeDefined());
    const drained = open.gateway.drain(10_000, 0);
    await eventually(async () => expect(await isRefused()).toBe(true));
    upstream?.end("late");
    expect(await answer).toMatchObject({ body: "late", headers: { connection: "close" } });
    await drained;
  });

  it("loses no request under load, over connections that are kept", async () => {
    await serve((_, response) => setTimeout(() => response.end("fine"), 3));
    const agent = new Agent({ keepAlive: true });
    const clients = Array.from({ length: 20 }, () => askOnAndOn(agent));
    await eventually(() => expect(open.scheduler.seen.length).toBeGreaterThan(100));
    const drained = open.gateway.drain(10_000, 100);
    const outcomes = (await Promise.all(clients)).flat();
    await drained;
    expect(new Set(outcomes)).toEqual(new Set(["200 fine keep-alive", "200 fine close"]));
    agent.destroy();
  });

  it("serves who comes while others still do, and closes their connections", async () => {
    await serve((_, response) => response.end("fine"));
    const kept = connect(open.port, "127.0.0.1");
    await eventually(async () => expect(await open.metric("outrider_gateway_connections_open")).toBe(1));
    const drained = open.gateway.drain(10_000, 1000);
    const answer = readAll(kept);
    kept.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(await answer).toMatch(/connection: close\r\n.*fine/s);
    for (let i = 0; i < 2; i++) {
      await sleep(600);
      expect((await open.ask({ body: "{}" })).headers.connection).toBe("close");
    }
    await drained;
  });

  it("closes connections that nobody uses", async () => {
    await serve((_, response) => response.end("fine"));
    const kept = connect(open.port, "127.0.0.1");
    kept.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await eventually(() => expect(open.scheduler.seen[0]?.causes).toEqual(["ok"]));
    const closed = readAll(kept);
    await open.gateway.drain(10_000, 50);
    await closed;
  });

  it("drops what is left when its time is over", async () => {
    const server = await serve(() => {});
    const sent = open.start({ body: "{}" });
    await eventually(() => expect(server.seen).toHaveLength(1));
    const closed = new Promise((resolve) => sent.on("close", resolve));
    await open.gateway.drain(50);
    await closed;
    expect(open.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  });
});
