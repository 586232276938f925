import { createConnection } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import { encodeFrame } from "@outrider/transport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultPhaseDeadlines } from "../doors/deadlines.ts";
import { eventually } from "../doors/testing/eventually.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import {
  getHeaders,
  headersPart,
  postHeaders,
  requestBody,
  responseBody,
  responseHeaders,
  trailers,
} from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

/** A request on the same connection is served. */
async function expectServing(): Promise<void> {
  const call = door.open();
  call.send(postHeaders());
  call.send(requestBody("{}", true));
  expect((await call.receive(2)).map(({ response }) => response.case)).toEqual(["requestHeaders", "requestBody"]);
}

describe("a call that is none is answered by its status, and others are served on", () => {
  const calls = [
    {
      title: "unknown method",
      headers: { ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Other" },
      want: [200, 12],
    },
    {
      title: "health, which is not served here",
      headers: { ":path": "/grpc.health.v1.Health/Check" },
      want: [200, 12],
    },
    { title: "no path of a method", headers: { ":path": "/" }, want: [200, 12] },
    { title: "no gRPC", headers: { "content-type": "application/json" }, want: [415, Number.NaN] },
    { title: "not POST", headers: { ":method": "PUT" }, want: [200, 12] },
  ];
  for (const { title, headers, want } of calls) {
    it(title, async () => {
      const call = door.open(headers);
      call.halfClose();
      const { httpStatus, grpcStatus } = await call.ended;
      expect([httpStatus, grpcStatus]).toEqual(want);
      await expectServing();
    });
  }
});

describe("frames that are none end their stream alone", () => {
  const frames = [
    { title: "not protobuf", bytes: encodeFrame(Buffer.from("hello, is this JSON?")), status: 13 },
    { title: "compressed", bytes: Buffer.from("010000000100", "hex"), status: 13 },
    { title: "flags that are none", bytes: Buffer.from("ff0000000100", "hex"), status: 13 },
    { title: "announced as 4 GiB", bytes: Buffer.from("00ffffffff", "hex"), status: 8 },
    { title: "HTTP/1.1", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n"), status: 13 },
    { title: "cut within the header", bytes: Buffer.from("000000", "hex"), status: 13 },
    { title: "cut within the message", bytes: Buffer.from("000000000a0102", "hex"), status: 13 },
  ];
  for (const { title, bytes, status } of frames) {
    it(`with status ${status}: ${title}`, async () => {
      const call = door.open();
      call.sendBytes(bytes);
      call.halfClose();
      expect((await call.ended).grpcStatus).toBe(status);
      await expectServing();
      await eventually(async () =>
        expect(await door.metric('outrider_ext_proc_streams_total{outcome="invalid"}')).toBe(1),
      );
    });
  }

  it("with 413 for the client where a body is held and the next chunk is announced as too large", async () => {
    const call = door.open();
    call.send(postHeaders());
    call.sendBytes(Buffer.from("00ffffffff", "hex"));
    expect((await call.receive(1)).map(readAnswer)).toMatchObject([{ part: "immediateResponse", status: 413 }]);
    await expectServing();
  });

  it("and also when they come byte by byte", async () => {
    const call = door.open();
    const wire = toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, { request: getHeaders() as never }));
    for (const byte of encodeFrame(wire)) call.sendBytes(Buffer.from([byte]));
    expect((await call.receive(1)).map(({ response }) => response.case)).toEqual(["requestHeaders"]);
  });
});

describe("messages out of order are answered with a status and a text, and end their stream alone", () => {
  const refused = [
    { title: "a body first", parts: [requestBody("a", true)], names: "request_body without a request" },
    { title: "trailers first", parts: [trailers("requestTrailers")], names: "request_trailers without a request" },
    { title: "headers twice", parts: [postHeaders(), postHeaders()], names: "request_headers come twice" },
    { title: "a body behind headers that end", parts: [getHeaders(), requestBody("a")], names: "request_body without" },
    {
      title: "a body behind its end",
      parts: [postHeaders(), requestBody("a", true), requestBody("b")],
      names: "request_body",
    },
    {
      title: "trailers behind the body's end",
      parts: [postHeaders(), requestBody("a", true), trailers("requestTrailers")],
      names: "request_trailers without",
    },
    { title: "nothing", parts: [{ case: undefined }], names: "a message without a part" },
  ];
  for (const { title, parts, names } of refused) {
    it(title, async () => {
      const call = door.open();
      for (const part of parts) call.send(part);
      call.halfClose();
      await call.ended;
      const answer = readAnswer(call.answers.at(-1) as never);
      expect(answer).toMatchObject({ part: "immediateResponse", status: 500 });
      expect(answer.body).toMatch(`inference error: Internal - the gateway broke the ext_proc protocol: ${names}`);
      await expectServing();
    });
  }

  it("response headers twice, which the client has already seen: status 3", async () => {
    const call = door.open();
    for (const part of [getHeaders(), responseHeaders(200), responseHeaders(200)]) call.send(part);
    expect(await call.ended).toMatchObject({ grpcStatus: 3, message: "response_headers come twice" });
    expect(door.scheduler.seen[0]?.causes).toEqual(["unknown"]);
    await expectServing();
  });

  it("more of a request whose response has begun is dropped", async () => {
    const call = door.open();
    for (const part of [postHeaders(), responseHeaders(413), requestBody("late"), responseBody("", true)])
      call.send(part);
    expect((await call.receive(2)).map(({ response }) => response.case)).toEqual(["responseHeaders", "responseBody"]);
  });
});

describe("headers that nobody should send", () => {
  const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-flood-${i}`, "vv"]));
  const served = [
    { title: "4,000 of them", part: headersPart("requestHeaders", named(4000), true) },
    { title: "one of 60,000 bytes", part: headersPart("requestHeaders", { "x-large": "v".repeat(60_000) }, true) },
    { title: "none at all", part: { case: "requestHeaders", value: { endOfStream: true } } as const },
  ];
  for (const { title, part } of served) {
    it(`are served: ${title}`, async () => {
      const call = door.open();
      call.send(part);
      expect((await call.receive(1)).map(({ response }) => response.case)).toEqual(["requestHeaders"]);
    });
  }

  const refused = [
    { title: "50,000 of them", part: headersPart("requestHeaders", named(50_000), true) },
    { title: "one of 1 MB", part: headersPart("requestHeaders", { "x-large": "v".repeat(1_000_000) }) },
  ];
  for (const { title, part } of refused) {
    it(`are refused above the limit: ${title}`, async () => {
      const call = door.open();
      call.send(part);
      const [answer] = (await call.receive(1)).map(readAnswer);
      expect(answer).toMatchObject({ part: "immediateResponse", status: 431 });
      expect(answer?.body).toBe("inference error: HeadersTooLarge - request headers are larger than 65536 bytes");
      expect(door.scheduler.seen).toEqual([]);
    });
  }
});

describe("a connection", () => {
  it("lives through 1,200 streams that the gateway resets one after the other", async () => {
    for (let i = 0; i < 1200; i++) {
      const call = door.open();
      call.send(getHeaders());
      await call.receive(1);
      call.reset();
      await call.ended;
    }
    await expectServing();
    expect(door.gateway.session.destroyed).toBe(false);
  });

  it("lives through 1,200 calls that are turned away with their body on its way", async () => {
    for (let i = 0; i < 1200; i++) {
      const call = door.open({ ":path": "/unknown" });
      for (let chunk = 0; chunk < 3; chunk++) call.send(requestBody(Buffer.alloc(100)));
      await call.ended;
    }
    await expectServing();
  });

  it("lives through 500 streams that are reset within their body", async () => {
    for (let i = 0; i < 500; i++) {
      const call = door.open();
      call.send(postHeaders());
      call.send(requestBody("a"));
      call.reset();
    }
    await expectServing();
    await eventually(async () =>
      expect(await door.metric('outrider_ext_proc_streams_total{outcome="cancelled"}')).toBe(500),
    );
  });

  it("carries 2,000 streams at once", async () => {
    const calls = Array.from({ length: 2000 }, () => door.open());
    for (const call of calls) call.send(postHeaders());
    for (const call of calls) call.send(requestBody("{}", true));
    await Promise.all(calls.map((call) => call.receive(2)));
    expect(await door.metric("outrider_ext_proc_streams_open")).toBe(2000);
  });

  it("that speaks something else is dropped, and others are served on", async () => {
    const { port } = new URL(door.url);
    for (const text of [
      "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage garbage garbage",
      "\0\0",
    ]) {
      const socket = createConnection({ host: "127.0.0.1", port: Number(port) });
      socket.on("error", () => {});
      socket.end(text);
      socket.resume();
      await new Promise((resolve) => socket.on("close", resolve));
    }
    await expectServing();
  });
});

describe("a phase that takes too long ends", () => {
  const shortMs = 40;
  const deadlines = (phase: keyof typeof defaultPhaseDeadlines) => ({ ...defaultPhaseDeadlines, [phase]: shortMs });
  const reopen = async (phase: keyof typeof defaultPhaseDeadlines) => {
    await door.close();
    door = await openDoor({ deadlines: deadlines(phase) });
  };

  it("before the first message, with status 4", async () => {
    await reopen("requestIdleMs");
    expect(await door.open().ended).toMatchObject({ grpcStatus: 4 });
  });

  it("in a body that does not go on, with 504", async () => {
    await reopen("requestIdleMs");
    const call = door.open();
    call.send(postHeaders());
    call.send(requestBody("a"));
    expect((await call.receive(1)).map(readAnswer)).toMatchObject([{ part: "immediateResponse", status: 504 }]);
  });

  it("in a decision that does not come, with 503; what is decided later is ended", async () => {
    await reopen("decisionMs");
    const release = door.scheduler.hold();
    const call = door.open();
    call.send(getHeaders());
    expect((await call.receive(1)).map(readAnswer)).toMatchObject([{ part: "immediateResponse", status: 503 }]);
    release();
    await eventually(() => expect(door.scheduler.seen[0]?.causes).toEqual(["unknown"]));
  });

  it("in a response that does not begin, with 504", async () => {
    await reopen("responseStartMs");
    const call = door.open();
    call.send(getHeaders());
    expect((await call.receive(2)).map(readAnswer)[1]).toMatchObject({ part: "immediateResponse", status: 504 });
    expect(door.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
  });

  it("in a response that does not go on, with an ImmediateResponse, which cuts it", async () => {
    await reopen("responseIdleMs");
    const call = door.open();
    for (const part of [getHeaders(), responseHeaders(200), responseBody("a")]) call.send(part);
    expect((await call.receive(4)).map(readAnswer)[3]).toMatchObject({ part: "immediateResponse", status: 504 });
    expect(door.scheduler.seen[0]?.causes).toEqual(["upstream_error"]);
    await eventually(async () =>
      expect(await door.metric('outrider_ext_proc_streams_total{outcome="overdue"}')).toBe(1),
    );
  });
});
