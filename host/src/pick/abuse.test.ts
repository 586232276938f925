import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { defaultPhaseDeadlines } from "../doors/deadlines.ts";
import { createHeldBytes } from "../doors/held-bytes.ts";
import { type DoorLimits, defaultDoorLimits } from "../doors/limits.ts";
import type { PickServerOptions } from "./server.ts";
import { type AnswerBody, type OpenDoor, openDoor } from "./testing/open-door.ts";

let door: OpenDoor | undefined;
afterEach(() => door?.server.close());

async function open(limits: Partial<DoorLimits> = {}, options: Partial<PickServerOptions> = {}): Promise<OpenDoor> {
  door = await openDoor({ limits: { ...defaultDoorLimits, ...limits }, ...options });
  return door;
}

const procedure = "/outrider.picker.v1.PickerService/Pick";
const json = { "content-type": "application/json" };
const message = (bytes: number) => ({ body: Buffer.alloc(bytes, "x").toString("base64") });

/** Sends a pick in pieces as it likes; the error's refusal is what comes of it. */
function stream({ url }: OpenDoor, headers: Record<string, string>, ...pieces: readonly (string | number)[]) {
  return new Promise<unknown>((resolve, reject) => {
    const sent = httpRequest(url + procedure, { method: "POST", headers: { ...json, ...headers } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve((JSON.parse(text) as AnswerBody).details?.[0]?.debug ?? text));
    });
    sent.on("error", reject);
    void (async () => {
      for (const piece of pieces) {
        if (typeof piece === "string") sent.write(piece);
        else await sleep(piece);
      }
    })();
  });
}

/** Resolves when the door has closed a connection. */
function closeOf(url: string, act: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => act(socket));
    socket.on("close", () => resolve()).resume();
  });
}

describe("what is too much is refused:", () => {
  it("a body above the limit", async () => {
    const { call, scheduler } = await open({ maxBodyBytes: 1000 });
    expect((await call("Pick", message(1001))).body).toMatchObject({
      code: "out_of_range",
      details: [{ debug: { status: 413 } }],
    });
    expect(scheduler.seen).toEqual([]);
    expect((await call("Pick", message(1000))).status).toBe(200);
  });

  it("a call that says it is far above it, before it comes", async () => {
    const opened = await open({ maxBodyBytes: 1000 });
    expect(await stream(opened, { "content-length": "1000000" }, "{")).toMatchObject({ status: 413 });
    expect(await opened.metric('outrider_pick_calls_total{call="pick",outcome="PayloadTooLarge"}')).toBe(1);
  });

  it("a call that turns out to be, without waiting for its end", async () => {
    const opened = await open({ maxBodyBytes: 1000 });
    expect(await stream(opened, {}, "x".repeat(400_000))).toMatchObject({ status: 413, code: "PayloadTooLarge" });
  });

  it("more than bodies may hold together, for now", async () => {
    const held = createHeldBytes(1_000_000);
    const { call } = await open({}, { held });
    expect((await call("Pick", message(600_000))).body).toMatchObject({
      code: "resource_exhausted",
      details: [{ debug: { status: 429, retryAfterS: 1 } }],
    });
    expect((await call("Pick", message(200_000))).status).toBe(200);
    await expect.poll(() => held.bytes).toBe(0);
  });

  it("a call that comes in too slowly, however steadily", async () => {
    const held = createHeldBytes(1_000_000);
    const opened = await open({ maxRequestMs: 100 }, { held, timeoutMs: 200 });
    const drops = Array.from({ length: 20 }, () => ["x", 20]).flat();
    expect(await stream(opened, {}, ...drops)).toMatchObject({ status: 408, code: "RequestTimeout" });
    await expect.poll(() => held.bytes).toBe(0);
  });

  it("more picks than may be open, until one is completed", async () => {
    const { call } = await open({ maxOpenRequests: 1 });
    const { decisionId } = (await call("Pick", message(1))).body;
    expect((await call("Pick", message(1))).body.details?.[0]?.debug).toMatchObject({ status: 429, retryAfterS: 1 });
    await call("Complete", { decisionId });
    expect((await call("Pick", message(1))).status).toBe(200);
  });

  it("a connection that says nothing", async () => {
    const { url } = await open({ maxRequestMs: 100 }, { timeoutMs: 200 });
    await closeOf(url, () => {});
  });

  it("a connection that ends before it has said what it speaks", async () => {
    const { url } = await open();
    await closeOf(url, (socket) => socket.end("P"));
  });

  it("connections above their number", async () => {
    const { url, metric } = await open({ maxConnections: 2 });
    const sockets = Array.from({ length: 3 }, () => connect(Number(new URL(url).port), "127.0.0.1"));
    const closed = await Promise.race(
      sockets.map(
        (socket) =>
          new Promise((resolve) =>
            socket
              .on("close", () => resolve(true))
              .on("error", () => {})
              .resume(),
          ),
      ),
    );
    expect(closed).toBe(true);
    expect(sockets.filter((socket) => socket.closed)).toHaveLength(1);
    expect(await metric('outrider_connections_refused_total{door="pick"}')).toBe(1);
    for (const socket of sockets) socket.destroy();
  });
});

describe("a client that leaves", () => {
  it("while its call comes in holds nothing", async () => {
    const held = createHeldBytes(1_000_000);
    const { url, scheduler } = await open({}, { held });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `POST ${procedure} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"`,
    );
    await expect.poll(() => held.bytes).toBe(6);
    socket.destroy();
    await expect.poll(() => held.bytes).toBe(0);
    expect(scheduler.seen).toEqual([]);
  });

  it("while it is decided takes its pick along", async () => {
    const { call, scheduler, metric } = await open();
    const release = scheduler.hold();
    const left = new AbortController();
    const answer = call("Pick", message(1), left.signal);
    await expect.poll(() => scheduler.seen.length).toBe(1);
    left.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => metric('outrider_pick_calls_total{call="pick",outcome="cancelled"}')).toBe(1);
    release();
    await expect.poll(() => scheduler.seen[0]?.causes).toEqual(["never_sent"]);
    expect(await metric("outrider_pick_open")).toBe(0);
  });

  it("before its answer was sent takes its pick along", async () => {
    const { url, scheduler, metric } = await open();
    const session = connectHttp2(url, { settings: { initialWindowSize: 10 } }).on("error", () => {});
    const sent = session.request({ ":method": "POST", ":path": procedure, ...json });
    sent.on("error", () => {}).end(JSON.stringify(message(1)));
    await expect.poll(() => metric("outrider_pick_open")).toBe(1);
    expect(scheduler.seen[0]?.causes).toEqual([]);
    session.destroy();
    await expect.poll(() => scheduler.seen[0]?.causes).toEqual(["never_sent"]);
    expect(await metric("outrider_pick_open")).toBe(0);
  });

  it("without a word, and does not take its answer, is dropped with its pick", async () => {
    const held = createHeldBytes(1_000_000);
    const deadlines = { ...defaultPhaseDeadlines, decisionMs: 100 };
    const { url, scheduler } = await open({ maxRequestMs: 100 }, { held, deadlines });
    const body = [Buffer.alloc(12_000_000)];
    const rewrite = { model: "other", body, respond: () => ({ push: () => [], end: () => [] }), releaseBody() {} };
    scheduler.answer({ destinations: ["10.0.0.1:8000"], rewrite });
    const socket = connect(Number(new URL(url).port), "127.0.0.1")
      .on("error", () => {})
      .pause();
    socket.write(
      `POST ${procedure} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    await expect.poll(() => scheduler.seen[0]?.causes, { timeout: 10_000 }).toEqual(["never_sent"]);
    expect(held.bytes).toBe(0);
    socket.destroy();
  });

  it("by its own deadline is told so", async () => {
    const { url, scheduler } = await open();
    const release = scheduler.hold();
    const headers = { ...json, "connect-timeout-ms": "50" };
    const response = await fetch(url + procedure, { method: "POST", headers, body: JSON.stringify(message(1)) });
    expect(await response.json()).toMatchObject({ code: "deadline_exceeded" });
    release();
    await expect.poll(() => scheduler.seen[0]?.causes).toEqual(["never_sent"]);
  });
});

it("gives up on a decision that takes too long, and undoes it when it comes", async () => {
  const deadlines = { ...defaultPhaseDeadlines, decisionMs: 50 };
  const { call, scheduler, metric } = await open({}, { deadlines });
  const release = scheduler.hold();
  expect((await call("Pick", message(1))).body).toMatchObject({ code: "unavailable", message: "no decision in time" });
  release();
  await expect.poll(() => scheduler.seen[0]?.causes).toEqual(["never_sent"]);
  expect(await metric("outrider_pick_open")).toBe(0);
});

describe("a door that is closed", () => {
  it("refuses new picks, waits for open ones, and takes their completions on new connections", async () => {
    const { call, server, scheduler, url } = await open();
    const { decisionId } = (await call("Pick", message(1))).body;
    const drained = server.drain(60_000);
    expect((await call("Pick", message(1))).body).toMatchObject({
      code: "unavailable",
      details: [{ debug: { status: 503, droppedReason: "rejected-shutting-down" } }],
    });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const headers = { ...json, connection: "close" };
    const body = JSON.stringify({ decisionId, status: 200 });
    const answer = await fetch(url + procedure.replace("/Pick", "/Complete"), { method: "POST", headers, body });
    expect(answer.status).toBe(200);
    await drained;
    expect(scheduler.seen[0]?.causes).toEqual(["ok"]);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it("waits no longer than told, and ends what nobody completed", async () => {
    const { call, server, scheduler, metric } = await open();
    await call("Pick", message(1));
    await server.drain(50);
    expect(scheduler.seen[0]?.causes).toEqual(["unknown"]);
    expect(await metric("outrider_pick_open")).toBe(0);
  });
});
