import { once } from "node:events";
import { connect, constants, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHeldBytes, type HeldBytes } from "../doors/held-bytes.ts";
import { eventually } from "../doors/testing/eventually.ts";
import { carryHttp2Stream } from "./http2-stream.ts";
import { encodePart } from "./testing/fake-gateway.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { getHeaders, postHeaders, requestBody, responseBody, responseHeaders } from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";

let door: OpenDoor | undefined;
let held: HeldBytes;
afterEach(async () => {
  await door?.close();
  door = undefined;
});

async function open(maxBytes: number): Promise<OpenDoor> {
  held = createHeldBytes(maxBytes);
  door = await openDoor({ held });
  return door;
}

const holds = (bytes: number) => eventually(() => expect(held.bytes).toBe(bytes), { interval: 2 });

describe("a message that comes in pieces is held", () => {
  const frame = encodePart(requestBody("x".repeat(100_000)));
  const messageBytes = frame.length - 5;

  it("whole from its header on, and once as a body when it is there", async () => {
    const door = await open(1_000_000);
    const call = door.open();
    call.send(postHeaders());
    call.sendBytes(frame.subarray(0, 20_000));
    await holds(messageBytes);
    call.sendBytes(frame.subarray(20_000));
    await holds(100_000);
    call.send(requestBody("", true));
    await call.receive(2);
    await holds(0);
  });

  it("until its stream is reset", async () => {
    const door = await open(1_000_000);
    for (let i = 0; i < 3; i++) {
      const call = door.open();
      call.send(postHeaders());
      call.sendBytes(frame.subarray(0, 20_000));
      await holds(messageBytes);
      call.reset();
      await holds(0);
    }
  });

  it("until its stream ends within it", async () => {
    const door = await open(1_000_000);
    const call = door.open();
    call.send(postHeaders());
    call.sendBytes(frame.subarray(0, 20_000));
    call.halfClose();
    expect((await call.ended).grpcStatus).toBe(13);
    await holds(0);
  });

  it("only where there is room: the client gets 429 and when to come again, and others are served", async () => {
    const door = await open(messageBytes);
    const first = door.open();
    first.send(postHeaders());
    first.sendBytes(frame.subarray(0, 20_000));
    await holds(messageBytes);
    const second = door.open();
    second.send(postHeaders());
    second.sendBytes(frame.subarray(0, 20_000));
    const [answer] = (await second.receive(1)).map(readAnswer);
    expect(answer).toMatchObject({ part: "immediateResponse", status: 429, set: { "retry-after": "1" } });
    first.sendBytes(frame.subarray(20_000));
    first.send(requestBody("", true));
    await first.receive(2);
    await holds(0);
  });

  it("where it belongs to a response, whatever is held", async () => {
    const door = await open(1_000);
    const call = door.open();
    call.send(getHeaders());
    call.send(responseHeaders(200));
    await call.receive(2);
    const response = encodePart(responseBody("x".repeat(100_000), true));
    call.sendBytes(response.subarray(0, 20_000));
    await holds(response.length - 5);
    call.sendBytes(response.subarray(20_000));
    expect((await call.receive(4)).length).toBeGreaterThanOrEqual(4);
    await holds(0);
  });
});

/** What a gateway may send on a stream that is not read here: `initialWindowSize` of the listener. */
const windowBytes = 1024 * 1024;

describe("a gateway that does not read", () => {
  it("can send no more than a window; what waits for it is held, and comes when it reads again", async () => {
    const door = await open(1_000_000);
    const session = connect(door.url, { settings: { initialWindowSize: 1_000 } });
    const stream = session.request({
      ":method": "POST",
      ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
      "content-type": "application/grpc",
    });
    const chunk = encodePart(responseBody("x".repeat(10_000)));
    const count = 400;
    stream.write(Buffer.concat([encodePart(getHeaders()), encodePart(responseHeaders(200))]));
    for (let i = 0; i < count; i++) stream.write(chunk);
    stream.write(encodePart(responseBody("", true)));
    await eventually(() => expect(held.bytes).toBeGreaterThan(0));
    let unsentBytes = -1;
    await eventually(
      () => {
        const before = unsentBytes;
        unsentBytes = stream.writableLength;
        expect(unsentBytes).toBe(before);
      },
      { interval: 100 },
    );
    expect(count * chunk.length - unsentBytes).toBeLessThan(2 * windowBytes);
    expect(held.bytes).toBeLessThan(windowBytes);

    let receivedBytes = 0;
    stream.on("data", ({ length }: Buffer) => {
      receivedBytes += length;
    });
    await eventually(() => expect(receivedBytes).toBeGreaterThan(count * 10_000));
    await holds(0);
    session.destroy();
  });

  it("holds nothing any more when it lets go", async () => {
    const door = await open(1_000_000);
    const session = connect(door.url, { settings: { initialWindowSize: 1_000 } });
    const stream = session.request({
      ":method": "POST",
      ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
      "content-type": "application/grpc",
    });
    stream.write(encodePart(postHeaders()));
    stream.write(encodePart(requestBody("x".repeat(300_000), true)));
    await eventually(() => expect(door.scheduler.seen).toHaveLength(1));
    await eventually(() => expect(held.bytes).toBeGreaterThan(250_000));
    session.destroy();
    await once(session, "close");
    await holds(0);
  });
});

it("tells the gateway of a stream that is dropped while it is open from both sides", async () => {
  const server = createServer();
  const limits = { maxMessageBytes: 1_000, held: createHeldBytes(1_000) };
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    carryHttp2Stream(stream, limits, (carried) => ({
      isResponding: false,
      message() {
        carried.send(Buffer.from("answer"));
        carried.flush();
        setImmediate(() => carried.abort());
      },
      broken() {},
      halfClosed() {},
      closed() {},
    }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = session.request({ ":method": "POST", ":path": "/x", "content-type": "application/grpc" });
  stream.on("error", () => {});
  stream.resume().write(encodePart(getHeaders()));
  await once(stream, "close");
  expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  session.destroy();
  server.close();
});
