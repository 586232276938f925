import pino from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import { refuse } from "../scheduling/refusals.ts";
import { createAccessLog } from "./access-log.ts";
import { echo, type ModelServer, openModelServer, refusingDestination } from "./testing/model-server.ts";
import { type OpenGateway, openGateway } from "./testing/open-gateway.ts";

let open: OpenGateway;
let servers: ModelServer[] = [];
let lines: Record<string, unknown>[] = [];

async function opened(answer = echo): Promise<ModelServer> {
  lines = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  open = await openGateway({ log, options: { accessLog: true } });
  const server = await openModelServer(answer);
  servers.push(server);
  open.scheduler.answer({ destinations: [server.destination] });
  return server;
}

afterEach(async () => {
  await open.close();
  for (const server of servers) server.close();
  servers = [];
});

async function line(): Promise<unknown> {
  await eventually(() => expect(lines).toHaveLength(1));
  return lines[0];
}

describe("the access log", () => {
  it("has a line a request, with nothing of its body, query or headers but the id", async () => {
    const server = await opened();
    open.scheduler.answer({ destinations: [await refusingDestination(), server.destination] });
    await open.ask({
      path: "/v1/completions?key=secret",
      headers: { "x-request-id": "mine", authorization: "secret" },
      body: "a secret",
    });
    expect(await line()).toEqual({
      level: 30,
      msg: "request",
      method: "POST",
      path: "/v1/completions",
      status: 200,
      bytesIn: 8,
      bytesOut: 8,
      durationMs: expect.any(Number),
      ttftMs: expect.any(Number),
      endpoint: server.destination,
      decisionId: "decision",
      requestId: "mine",
      retries: 1,
      outcome: "ok",
    });
    expect(JSON.stringify(lines)).not.toContain("secret");
    const { ttftMs, durationMs } = lines[0] as { ttftMs: number; durationMs: number };
    expect(ttftMs).toBeGreaterThan(0);
    expect(durationMs).toBeGreaterThanOrEqual(ttftMs);
  });

  it("says why a request was refused", async () => {
    await opened();
    open.scheduler.answer(refuse("ResourceExhausted", "saturated"));
    await open.ask({ body: "{}" });
    expect(await line()).toMatchObject({ status: 429, outcome: "refused", code: "ResourceExhausted", retries: 0 });
    expect(lines[0]).not.toHaveProperty("endpoint");
  });

  it("says that a client left", async () => {
    const server = await opened(() => {});
    const sent = open.start({ body: "{}" });
    await eventually(() => expect(server.seen).toHaveLength(1));
    sent.destroy();
    expect(await line()).toMatchObject({ status: 0, outcome: "client_gone", endpoint: server.destination });
  });

  it("says that a model server broke off", async () => {
    await opened((_, response) => response.write("half", () => response.destroy()));
    await open.exchange("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(await line()).toMatchObject({ status: 200, bytesOut: 4, outcome: "upstream_error" });
  });

  it("builds no line where its level is off", () => {
    expect(createAccessLog(pino({ level: "warn" }))).toBeUndefined();
  });
});
