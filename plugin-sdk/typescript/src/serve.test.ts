import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { OutriderError } from "@outrider/core/contract";
import { HealthCheckRequestSchema, HealthCheckResponseSchema } from "@outrider/protos/health";
import { encodeFrame, frameHeaderBytes, openSession, rpcCodeOf, type SessionClient } from "@outrider/transport";
import { fakeCall, fakeSnapshot } from "@outrider/transport/testing";
import { afterEach, describe, expect, it } from "vitest";
import { queueDepth } from "./fixtures/queue-depth.ts";
import { type ServedPlugin, serve } from "./serve.ts";

const snapshot = fakeSnapshot([{}]);
const instance = { id: 1, name: "slow", granted: [], data: [], produces: [] };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("a process", () => {
  it("that is killed fails its calls at once, and a new session finds its successor", async () => {
    const path = socketPath();
    const child = await start(path);
    const session = await connect(path, 60_000);
    const call = session.score(instance, fakeCall({ pool: snapshot }), new Float32Array(1));
    await session.ping(5_000);
    child.kill("SIGKILL");
    await expect(call).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
    await start(path);
    const scores = new Float32Array(1);
    await (await connect(path, 0)).score(instance, fakeCall({ pool: snapshot }), scores);
    expect([...scores]).toEqual([1]);
  }, 20_000);

  it("that is told to end finishes its calls", async () => {
    const path = socketPath();
    const child = await start(path);
    const session = await connect(path, 300);
    const scores = new Float32Array(1);
    const call = session.score(instance, fakeCall({ pool: snapshot }), scores);
    await session.ping(5_000);
    child.kill("SIGTERM");
    await call;
    expect([...scores]).toEqual([1]);
    expect(await exitOf(child)).toEqual([0, null]);
  }, 20_000);

  it("ends with its input, when a host has started it", async () => {
    const child = await start(socketPath());
    child.stdin!.end();
    expect(await exitOf(child)).toEqual([0, null]);
  }, 20_000);

  it("started with nowhere to listen ends, and says what to set", async () => {
    const child = spawnMain({});
    let said = "";
    child.stderr!.on("data", (chunk) => (said += chunk));
    expect((await exitOf(child))[0]).not.toBe(0);
    expect(said).toContain("set OUTRIDER_PLUGIN_SOCKET");
  }, 20_000);
});

describe("what is served", () => {
  it("on a socket is for this user alone", async () => {
    const path = socketPath();
    await served({ OUTRIDER_PLUGIN_SOCKET: path });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("takes over a socket that a dead process has left behind", async () => {
    const path = socketPath();
    const dead = spawn(process.execPath, [
      "-e",
      `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
    ]);
    await once(dead, "exit");
    expect(existsSync(path)).toBe(true);
    await served({ OUTRIDER_PLUGIN_SOCKET: path });
    expect((await hello(path, "")).plugin).toBe("queue-depth");
  }, 20_000);

  it("leaves a socket alone that somebody listens on", async () => {
    const path = socketPath();
    await served({ OUTRIDER_PLUGIN_SOCKET: path });
    await expect(serve(queueDepth, { environment: { OUTRIDER_PLUGIN_SOCKET: path } })).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
  });

  it("on a port is on the loopback interface", async () => {
    const { port } = await served({ PORT: "0" });
    const session = open({ kind: "url", url: `h2c://127.0.0.1:${port}` }, "");
    expect((await session.hello({})).scorers.map(({ type }) => type)).toEqual(["queue-depth"]);
  });

  it("is refused to who does not know the token", async () => {
    const path = socketPath();
    await served({ OUTRIDER_PLUGIN_SOCKET: path, OUTRIDER_PLUGIN_TOKEN: "secret" });
    for (const token of ["", "other", "secret2"]) {
      const error = await hello(path, token).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "PLUGIN_REJECTED" });
      expect(rpcCodeOf(error)).toBe("unauthenticated");
    }
    expect((await hello(path, "secret")).plugin).toBe("queue-depth");
  });

  it("has a boot id of its own each time", async () => {
    const [first, second] = [socketPath(), socketPath()];
    await served({ OUTRIDER_PLUGIN_SOCKET: first });
    await served({ OUTRIDER_PLUGIN_SOCKET: second });
    expect((await hello(first, "")).bootId).not.toBe((await hello(second, "")).bootId);
  });

  it("ends its sessions when it is closed", async () => {
    const path = socketPath();
    const plugin = await served({ OUTRIDER_PLUGIN_SOCKET: path });
    const closed = Promise.withResolvers<OutriderError>();
    const session = open({ kind: "socket", path }, "", closed.resolve);
    await session.hello({});
    await plugin.close();
    expect(await closed.promise).toMatchObject({ code: "SCORER_UNAVAILABLE" });
  });
});

describe("health", () => {
  const cases = [
    { title: "of the server as a whole is served", service: "", want: 1 },
    { title: "of the service is served", service: "outrider.scorer.v1.ScorerService", want: 1 },
    { title: "of another service is not known", service: "other", want: "5" },
  ];
  for (const { title, service, want } of cases) {
    it(`${title}, without the token`, async () => {
      const { port } = await served({ PORT: "0", OUTRIDER_PLUGIN_TOKEN: "secret" });
      expect(await check(port, service)).toBe(want);
    });
  }

  it("asked for in bytes that are no message is refused, and the next is answered", async () => {
    const { port } = await served({ PORT: "0" });
    expect(await unary(port, "/grpc.health.v1.Health/Check", Buffer.from([9, 0, 0, 0, 0]))).toMatchObject({
      status: "3",
    });
    expect(await check(port, "")).toBe(1);
  });

  it("is all that is served besides the Session", async () => {
    const { port } = await served({ PORT: "0" });
    expect(await unary(port, "/other.Service/Method", Buffer.alloc(0))).toMatchObject({ status: "12" });
  });
});

async function check(port: number, service: string): Promise<number | string | undefined> {
  const request = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }));
  const { status, body } = await unary(port, "/grpc.health.v1.Health/Check", encodeFrame(request));
  if (status !== "0") return status;
  return fromBinary(HealthCheckResponseSchema, body.subarray(frameHeaderBytes)).status;
}

/** A gRPC call; the status is undefined where the stream ended without. */
async function unary(port: number, path: string, body: Buffer): Promise<{ status: string | undefined; body: Buffer }> {
  const connection = http2.connect(`http://127.0.0.1:${port}`);
  cleanups.push(() => connection.destroy());
  const stream = connection.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const chunks: Buffer[] = [];
  let status: string | undefined;
  const note = (headers: http2.IncomingHttpHeaders) => (status ??= headers["grpc-status"] as string | undefined);
  stream.on("response", note);
  stream.on("trailers", note);
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  stream.end(body);
  await once(stream, "close");
  return { status, body: Buffer.concat(chunks) };
}

async function served(environment: Record<string, string>): Promise<ServedPlugin> {
  const plugin = await serve(queueDepth, { environment, name: "queue-depth" });
  cleanups.push(() => plugin.close());
  return plugin;
}

function spawnMain(env: Record<string, string>): ChildProcess {
  const main = new URL("./fixtures/slow-main.ts", import.meta.url);
  const child = spawn(process.execPath, [main.pathname], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: "pipe",
  });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

async function start(path: string): Promise<ChildProcess> {
  const child = spawnMain({ OUTRIDER_PLUGIN_SOCKET: path, OUTRIDER_PLUGIN_TOKEN: "secret" });
  await expect.poll(() => isAnswered(path), { timeout: 15_000 }).toBe(true);
  return child;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function exitOf(child: ChildProcess): Promise<unknown[]> {
  return child.exitCode === null && child.signalCode === null
    ? once(child, "exit")
    : [child.exitCode, child.signalCode];
}

async function connect(path: string, delayMs: number): Promise<SessionClient> {
  const session = open({ kind: "socket", path }, "secret");
  await session.hello({ hostInstance: "h" });
  const configJson = new TextEncoder().encode(JSON.stringify({ delayMs }));
  await session.configure({ instances: [{ id: 1, type: "slow", configJson }] });
  session.publish(snapshot);
  await session.synced();
  return session;
}

async function hello(path: string, token: string) {
  const session = open({ kind: "socket", path }, token);
  return session.hello({});
}

function open(
  target: Parameters<typeof openSession>[0],
  token: string,
  closed: (error: OutriderError) => void = () => {},
): SessionClient {
  const ignore = () => {};
  const events = {
    violation: ignore,
    answered: ignore,
    lateAnswer: ignore,
    resynced: ignore,
    health: ignore,
    table: ignore,
    writable: ignore,
    closed,
  };
  const session = openSession(target, { token, epoch: 9, events });
  cleanups.push(() => session.close());
  return session;
}

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "outrider-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "s");
}
