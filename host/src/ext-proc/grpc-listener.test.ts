import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { createConnection, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { eventually } from "../doors/testing/eventually.ts";
import { createSelfSigned } from "../tls/self-signed.ts";
import { respondTrailersOnly } from "./grpc-http2.ts";
import { createGrpcListener, type GrpcListener, type GrpcListenerOptions } from "./grpc-listener.ts";
import { connectGateway, type FakeGateway } from "./testing/fake-gateway.ts";

let listener: GrpcListener;
let port: number;
const clients: { destroy(): void }[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await listener.close();
});

/** A listener that answers every call with status 0. */
async function open(options: Partial<GrpcListenerOptions> = {}): Promise<void> {
  listener = createGrpcListener({
    tls: undefined,
    call: (stream) => respondTrailersOnly(stream, 0, ""),
    ...options,
  });
  ({ port } = await listener.listen("127.0.0.1", 0));
}

/** A connection that says what it is told to. */
async function connectRaw(...bytes: readonly Buffer[]): Promise<Socket> {
  const socket = createConnection({ host: "127.0.0.1", port });
  clients.push(socket);
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  for (const part of bytes) socket.write(part);
  return socket;
}

async function connectHere(): Promise<FakeGateway> {
  const gateway = await connectGateway(`http://127.0.0.1:${port}`, { maxSendHeaderBlockLength: 200_000 });
  clients.push(gateway.session);
  return gateway;
}

async function serves({ open: openCall }: FakeGateway): Promise<void> {
  expect((await openCall().ended).grpcStatus).toBe(0);
}

const closed = (socket: Socket) => {
  socket.resume();
  return new Promise((resolve) => socket.once("close", resolve));
};

/** A frame of HTTP/2. */
function frame(type: number, flags: number, payload: Buffer, stream = 0): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Types of the frames that have come, in order. */
function collectFrames(socket: Socket): readonly number[] {
  const types: number[] = [];
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
      types.push(pending[3] as number);
      pending = pending.subarray(9 + pending.readUIntBE(0, 3));
    }
  });
  return types;
}

const acknowledged = 0x1;
const endsStreamAndHeaders = 0x5;
const headersType = 1;
const settingsType = 4;
const pingType = 6;
const goawayType = 7;
const continuationType = 9;

/** `:method POST`, `:scheme http`, `:path /`, `:authority a`, `content-type application/grpc`, in HPACK. */
const callHeaders = Buffer.from([0x83, 0x86, 0x84, 0x01, 1, 0x61, 0x0f, 0x10, 16, ...Buffer.from("application/grpc")]);

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const settings = frame(settingsType, 0, Buffer.alloc(0));

describe("of connections", () => {
  it("those above the most there may be are closed at once and counted; those there are served on", async () => {
    const connectionRefused = vi.fn();
    await open({ maxConnections: 2, connectionRefused });
    const [one, two] = [await connectHere(), await connectHere()];
    for (let i = 0; i < 3; i++) await closed(await connectRaw(preface, settings));
    expect(connectionRefused).toHaveBeenCalledTimes(3);
    await serves(one);
    await serves(two);
  });

  it("one more may come when one has gone", async () => {
    await open({ maxConnections: 1 });
    const first = await connectHere();
    first.close();
    await once(first.session, "close");
    await eventually(async () => serves(await connectHere()));
  });
});

describe("a connection of no use ends, and one that was used stays", () => {
  const sessionDeadlines = { helloMs: 40, firstCallMs: 40 };

  const silent = [
    { title: "that says nothing", bytes: [] },
    { title: "that stops within the preface", bytes: [preface.subarray(0, 10)] },
    { title: "that stops behind the preface", bytes: [preface] },
  ];
  for (const { title, bytes } of silent) {
    it(title, async () => {
      await open({ sessionDeadlines });
      const used = await connectHere();
      await serves(used);
      await closed(await connectRaw(...bytes));
      await serves(used);
    });
  }

  it("that opens no call", async () => {
    await open({ sessionDeadlines });
    const used = await connectHere();
    await serves(used);
    await once((await connectHere()).session, "close");
    await serves(used);
  });

  it("that does not begin with TLS where it should", async () => {
    const handshakeFailed = vi.fn();
    const pair = await createSelfSigned(Date.now());
    const none = { ciphers: undefined, ca: undefined, requestCert: false, rejectUnauthorized: false };
    const current = { ...pair, ...none, minVersion: "TLSv1.2" as const };
    await open({ sessionDeadlines, tls: { current, handshakeFailed, onChange() {}, close() {} } });
    await closed(await connectRaw());
    expect(handshakeFailed).toHaveBeenCalledTimes(1);
  });
});

describe("draining", () => {
  it("answers calls that cross the request to go elsewhere, one after the other", async () => {
    await open();
    const socket = await connectRaw(preface, settings, frame(settingsType, acknowledged, Buffer.alloc(0)));
    const frames = collectFrames(socket);
    await eventually(() => expect(frames).toContain(settingsType));
    const drained = listener.drain(10_000, 500);
    await eventually(() => expect(frames).toContain(goawayType));
    for (const stream of [1, 3, 5]) {
      const before = frames.length;
      socket.write(frame(headersType, endsStreamAndHeaders, callHeaders, stream));
      await eventually(() => expect(frames.slice(before)).toContain(headersType));
    }
    await drained;
  });

  it("tells one that has just come behind its settings, and not before", async () => {
    await open();
    const socket = await connectRaw();
    const frames = collectFrames(socket);
    const drained = listener.drain(10_000, 100);
    for (const part of [preface, settings, frame(settingsType, acknowledged, Buffer.alloc(0))]) socket.write(part);
    await eventually(() => expect(frames).toContain(goawayType));
    expect(frames[0]).toBe(settingsType);
    await drained;
  });

  it("answers every call of gateways that go elsewhere when they are told", async () => {
    let answered = 0;
    const call = vi.fn((stream: ServerHttp2Stream) => void setImmediate(() => respondTrailersOnly(stream, 0, "")));
    await open({ call });
    const state = { isOver: false, moved: 0 };
    const work = async () => {
      while (!state.isOver) {
        const gateway = await connectHere();
        let isTold = false;
        gateway.session.once("goaway", () => {
          isTold = true;
          state.moved++;
        });
        while (!isTold && !state.isOver) {
          const { grpcStatus } = await gateway.open().ended;
          if (grpcStatus === 0) answered++;
        }
      }
    };
    const workers = Array.from({ length: 8 }, work);
    await eventually(() => expect(answered).toBeGreaterThan(100));
    const drained = listener.drain(10_000, 50);
    await eventually(() => expect(state.moved).toBe(8));
    const before = answered;
    await eventually(() => expect(answered).toBeGreaterThan(before + 100));
    state.isOver = true;
    await Promise.all(workers);
    await drained;
    expect(answered).toBe(call.mock.calls.length);
  });
});

describe("headers of a call are bounded, and the connection goes on", () => {
  const cases = [
    {
      title: "of more than 128 fields",
      headers: Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`x-${i}`, "a"])),
    },
    {
      title: "of more than 64 kB",
      headers: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`x-${i}`, "a".repeat(7_000)])),
    },
  ];
  for (const { title, headers } of cases) {
    it(title, async () => {
      const call = vi.fn((stream: ServerHttp2Stream) => respondTrailersOnly(stream, 0, ""));
      await open({ call });
      const gateway = await connectHere();
      await serves(gateway);
      expect((await gateway.open(headers).ended).grpcStatus).toBeNaN();
      await serves(gateway);
      expect(call).toHaveBeenCalledTimes(2);
    });
  }
});

describe("a connection that floods ends, and others are served on", () => {
  const floods = [
    { title: "with pings whose answers it does not read", part: frame(pingType, 0, Buffer.alloc(8)) },
    { title: "with settings whose answers it does not read", part: settings },
    { title: "with frames of headers that never end", part: frame(continuationType, 0, Buffer.alloc(100), 1) },
  ];
  for (const { title, part } of floods) {
    it(title, async () => {
      await open();
      const other = await connectHere();
      const socket = await connectRaw(preface, settings);
      if (part[3] === continuationType) socket.write(frame(headersType, 0, callHeaders, 1));
      const flood = Buffer.concat(Array.from({ length: 1000 }, () => part));
      const gone = new Promise((resolve) => socket.once("close", resolve));
      const pump = () => {
        while (!socket.destroyed && socket.write(flood));
      };
      socket.on("drain", pump);
      pump();
      await gone;
      await serves(other);
    });
  }
});
