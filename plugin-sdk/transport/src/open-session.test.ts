import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OutriderError } from "@outrider/core/contract";
import { afterEach, describe, expect, it } from "vitest";
import { createFrameDecoder } from "./grpc-frames.ts";
import { openSession } from "./open-session.ts";
import { rpcCodeOf } from "./rpc-failure.ts";
import { encodeResponse, type ResponseFrame } from "./session-frames.ts";
import type { PluginTarget, SessionClient } from "./session-types.ts";
import { fakeCall, fakeSnapshot } from "./testing/index.ts";
import { scriptedInstance } from "./testing/scripted-plugin.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type OnStream = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

describe("where no plugin answers", () => {
  it("the session is unavailable, and says so once", async () => {
    const { session, closed } = open({ kind: "socket", path: join(tmpdir(), "no-such.sock") });
    expect(await failure(session.hello({}))).toMatchObject({ code: "SCORER_UNAVAILABLE", cause: { code: "ENOENT" } });
    expect(await closed).toMatchObject({ code: "SCORER_UNAVAILABLE" });
    await expect(session.ping(10)).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
  });

  it("but somebody who accepts and says nothing, the session gives up", async () => {
    const path = socketPath();
    const server = net.createServer(() => {}).listen(path);
    cleanups.push(() => server.close());
    await once(server, "listening");
    const { session } = open({ kind: "socket", path }, 30);
    expect(await failure(session.hello({}))).toMatchObject({
      code: "SCORER_UNAVAILABLE",
      message: expect.stringContaining("within 30 ms"),
    });
  });

  it("but somebody who speaks something else, the session is unavailable", async () => {
    const path = socketPath();
    const server = net.createServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(path);
    cleanups.push(() => server.close());
    await once(server, "listening");
    expect(await failure(open({ kind: "socket", path }).session.hello({}))).toMatchObject({
      code: "SCORER_UNAVAILABLE",
    });
  });

  const trailersOnly =
    (status: string, message = "") =>
    (stream: http2.ServerHttp2Stream) =>
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": status, "grpc-message": message },
        { endStream: true },
      );
  const http = (status: number) => (stream: http2.ServerHttp2Stream) =>
    stream.respond({ ":status": status }, { endStream: true });
  const refusals: readonly { title: string; onStream: OnStream; code: string; rpc: string; says?: string }[] = [
    { title: "that there is no Session", onStream: trailersOnly("12"), code: "SCORER_FAILED", rpc: "unimplemented" },
    { title: "404", onStream: http(404), code: "SCORER_FAILED", rpc: "unimplemented" },
    {
      title: "that the token is wrong",
      onStream: trailersOnly("16", "no%20way"),
      code: "PLUGIN_REJECTED",
      rpc: "unauthenticated",
      says: "no way",
    },
    { title: "401", onStream: http(401), code: "PLUGIN_REJECTED", rpc: "unauthenticated" },
    { title: "that it is overloaded", onStream: http(503), code: "SCORER_UNAVAILABLE", rpc: "unavailable" },
    {
      title: "a number that no code has",
      onStream: trailersOnly("99", "100%"),
      code: "SCORER_FAILED",
      rpc: "unknown",
      says: "100%",
    },
    {
      title: "with a web page",
      onStream: (stream) => stream.respond({ ":status": 200, "content-type": "text/html" }),
      code: "SCORER_FAILED",
      rpc: "unimplemented",
    },
  ];
  for (const { title, onStream, code, rpc, says = "" } of refusals) {
    it(`but somebody who says ${title}, the session tells it`, async () => {
      const error = await failure(open(await serve(onStream)).session.hello({}));
      expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
      expect(rpcCodeOf(error)).toBe(rpc);
    });
  }
});

describe("a plugin that goes away in the middle of a call", () => {
  const endings: readonly { title: string; end: OnStream }[] = [
    { title: "by closing the connection", end: (stream) => stream.session?.destroy() },
    { title: "by resetting the stream", end: (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR) },
    { title: "by ending the stream", end: (stream) => stream.end() },
    { title: "by a goodbye", end: (stream) => stream.session?.goaway(2) },
    { title: "inside a frame", end: (stream) => void stream.end(Buffer.from([0, 0, 0, 0, 9, 1])) },
  ];
  for (const { title, end } of endings) {
    it(`${title} fails it as unavailable`, async () => {
      const plugin = await configured();
      const call = failure(
        plugin.session.score(scriptedInstance, fakeCall({ pool: plugin.snapshot }), new Float32Array(1)),
      );
      end(plugin.stream(), {});
      expect(await call).toMatchObject({ code: "SCORER_UNAVAILABLE" });
      expect(await plugin.closed).toMatchObject({ code: "SCORER_UNAVAILABLE" });
    });
  }
});

it("introduces itself as gRPC, with its token", async () => {
  let seen: http2.IncomingHttpHeaders = {};
  const target = await serve((stream, headers) => {
    seen = headers;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { endStream: true });
  });
  await failure(open(target).session.hello({}));
  expect(seen).toMatchObject({
    ":method": "POST",
    ":path": "/outrider.scorer.v1.ScorerService/Session",
    "content-type": "application/grpc",
    te: "trailers",
    authorization: "Bearer secret",
  });
});

it("reaches a plugin by h2c:// too", async () => {
  const server = http2.createServer();
  server.on("stream", (stream) => stream.respond({ ":status": 404 }, { endStream: true }));
  server.listen(0, "127.0.0.1");
  cleanups.push(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  expect(rpcCodeOf(await failure(open({ kind: "url", url: `h2c://127.0.0.1:${port}` }).session.hello({})))).toBe(
    "unimplemented",
  );
});

it("outlives 3,000 calls that nobody waited for", async () => {
  const plugin = await configured();
  plugin.send({ case: "credit", value: { maxOutstanding: 10_000 } });
  await plugin.session.ping(5_000);
  for (let callId = 1; callId <= 3_000; callId += 1) {
    const call = fakeCall({ pool: plugin.snapshot, callId, budgetUs: 1 });
    plugin.session.score(scriptedInstance, call, new Float32Array(1)).catch(() => {});
  }
  expect(plugin.session.outstanding).toBe(3_000);
  for (let from = 1; from <= 3_000; from += 500) {
    const results = Array.from({ length: 500 }, (_, i) => ({
      callId: from + i,
      epoch: 1,
      rev: plugin.snapshot.rev,
      scores: [1],
    }));
    plugin.send({ case: "scores", value: { results } });
  }
  await expect.poll(() => plugin.late, { timeout: 5_000 }).toHaveLength(3_000);
  expect(plugin.session.outstanding).toBe(0);
  expect(await plugin.session.ping(5_000)).toBeGreaterThan(0);
});

/** A session with a plugin that answers everything but calls. */
async function configured() {
  const streams: http2.ServerHttp2Stream[] = [];
  const target = await serve((stream) => {
    streams.push(stream);
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    const decoder = createFrameDecoder((message) => answer(stream, message));
    stream.on("data", (chunk: Buffer) => decoder.push(chunk));
  });
  const snapshot = fakeSnapshot([{}]);
  const { session, closed, late } = open(target);
  await session.hello({});
  await session.configure({ instances: [{ id: 1, type: "t" }] });
  session.publish(snapshot);
  await session.synced();
  const stream = () => streams[0]!;
  return {
    session,
    closed,
    late,
    snapshot,
    stream,
    send: (frame: ResponseFrame) => stream().write(encodeResponse(frame)),
  };

  function answer(stream: http2.ServerHttp2Stream, message: Buffer): void {
    const reply = replies[message[0]! >> 3];
    if (reply !== undefined) stream.write(encodeResponse(reply(message, snapshot.rev)));
  }
}

/** By field of `SessionRequest`. */
const replies: Readonly<Record<number, (message: Buffer, rev: number) => ResponseFrame>> = {
  1: () => ({ case: "hello", value: {} }),
  2: () => ({ case: "configured", value: {} }),
  3: (_, rev) => ({ case: "stateAck", value: { epoch: 1, rev } }),
  8: (message) => ({ case: "pong", value: { seq: message.at(-1)! } }),
};

async function serve(onStream: OnStream): Promise<PluginTarget> {
  const server = http2.createServer();
  const connections: http2.ServerHttp2Session[] = [];
  server.on("session", (session) => connections.push(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  const path = socketPath();
  server.listen(path);
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    for (const connection of connections) connection.destroy();
  });
  return { kind: "socket", path };
}

function open(
  target: PluginTarget,
  connectTimeoutMs = 2_000,
): { session: SessionClient; closed: Promise<OutriderError>; late: number[] } {
  const closed = Promise.withResolvers<OutriderError>();
  const late: number[] = [];
  const session = openSession(target, {
    token: "secret",
    epoch: 1,
    connectTimeoutMs,
    events: {
      violation: () => {},
      answered: () => {},
      lateAnswer: (_instance, callId) => late.push(callId),
      resynced: () => {},
      health: () => {},
      table: () => {},
      writable: () => {},
      closed: (error) => closed.resolve(error),
    },
  });
  cleanups.push(() => session.close());
  return { session, closed: closed.promise, late };
}

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "s");
}

function failure(call: Promise<unknown>): Promise<OutriderError> {
  return call.then(
    () => expect.fail("should have failed"),
    (error: OutriderError) => error,
  );
}
