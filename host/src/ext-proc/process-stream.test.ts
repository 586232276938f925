import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ProcessingRequestSchema, ProcessingResponseSchema } from "@outrider/protos/ext-proc";
import { createFrameDecoder } from "@outrider/transport";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defaultDoorLimits } from "../doors/limits.ts";
import { createFakeScheduler, type FakeScheduler } from "../doors/testing/fake-scheduler.ts";
import type { ProcessServices } from "./process-services.ts";
import { createProcessStream } from "./process-stream.ts";
import { createServices } from "./testing/create-services.ts";
import type { SentPart } from "./testing/fake-gateway.ts";
import {
  announce,
  type Beside,
  getHeaders,
  postHeaders,
  requestBody,
  responseBody,
  responseHeaders,
  trailers,
} from "./testing/parts.ts";
import { type ReadAnswer, readAnswer } from "./testing/read-answer.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function open(more: Partial<ProcessServices> = {}, { endsAtOnce = true } = {}) {
  const sent: Buffer[] = [];
  const keep = vi.fn((bytes: Buffer) => void sent.push(Buffer.from(bytes)));
  const stream = { send: keep, pass: keep, flush: vi.fn(), end: vi.fn(), abort: vi.fn(), endsAtOnce };
  const scheduler = (more.scheduler as FakeScheduler | undefined) ?? createFakeScheduler();
  const services = createServices({ ...more, scheduler });
  const peer = createProcessStream(stream, services);
  const send = (part: SentPart, beside: Beside = {}) => {
    const message = create(ProcessingRequestSchema, { ...beside, request: part as never });
    const bytes = Buffer.from(toBinary(ProcessingRequestSchema, message));
    peer.message(bytes, 0, bytes.length);
  };
  const answers = () => {
    const read: ReadAnswer[] = [];
    const decoder = createFrameDecoder(
      (message) => read.push(readAnswer(fromBinary(ProcessingResponseSchema, message))),
      1e9,
    );
    decoder.push(Buffer.concat(sent));
    return read;
  };
  return { stream, peer, send, scheduler, services, answers };
}

const bodies = { body: Buffer.from("{}"), endOfStream: false };

describe("a client is told of a message of its request that cannot be taken", () => {
  const shown = (mode: "NONE" | "STREAMED" | "BUFFERED" | "FULL_DUPLEX_STREAMED") => announce(mode, "NONE");
  const cases = [
    { title: "while a body is held", beside: shown("FULL_DUPLEX_STREAMED") },
    { title: "while a buffered body is awaited", beside: shown("BUFFERED") },
    { title: "while a streamed body passes", beside: shown("STREAMED") },
    { title: "while a body is awaited that was asked for", beside: shown("NONE"), wantsBody: () => true },
    { title: "while the request is decided", beside: shown("STREAMED"), isUndecided: true },
  ];
  for (const { title, beside, wantsBody = () => false, isUndecided = false } of cases) {
    for (const [fault, status] of [
      ["held", 429],
      ["oversize", 413],
    ] as const) {
      it(`${title}, ${fault}`, () => {
        const { peer, send, answers, services, scheduler } = open({ wantsBody });
        if (isUndecided) scheduler.hold();
        send(postHeaders(), beside);
        peer.broken(fault, "no room");
        expect(answers().at(-1)).toMatchObject({ part: "immediateResponse", status });
        expect(services.held.bytes).toBe(0);
      });
    }
  }
});

describe("a gateway that announces nothing", () => {
  it("and sends the body at once is in full duplex, and the next one is waited for without end", () => {
    const { send, scheduler, services } = open();
    send(postHeaders());
    vi.advanceTimersByTime(50);
    send({ case: "requestBody", value: bodies });
    expect(services.memory.seen).toBe("full-duplex");
    vi.advanceTimersByTime(1000);
    expect(scheduler.seen).toEqual([]);
    const later = open({ scheduler, memory: services.memory });
    later.send(postHeaders());
    vi.advanceTimersByTime(10_000);
    later.send(requestBody("{}", true));
    expect(scheduler.seen.map(({ body }) => body)).toEqual(["{}"]);
  });

  it("and ends the request with trailers is in full duplex too", () => {
    const { send, scheduler, services } = open();
    send(postHeaders());
    send(trailers("requestTrailers"));
    expect(services.memory.seen).toBe("full-duplex");
    expect(scheduler.seen[0]?.request).toMatchObject({ body: [], isBodyHidden: false });
  });

  it("and waits gets its answer within 150 ms, decided on the headers alone", () => {
    const { send, scheduler, services, stream } = open();
    send(postHeaders());
    vi.advanceTimersByTime(100);
    expect(scheduler.seen).toEqual([]);
    vi.advanceTimersByTime(60);
    expect(scheduler.seen[0]?.request).toMatchObject({ body: undefined, isBodyHidden: true });
    expect(stream.flush).toHaveBeenCalledTimes(1);
    expect(services.memory.seen).toBe("waiting");
    expect(services.held.bytes).toBe(0);
  });

  it("and waits gets bare answers to what comes behind it, request and response", () => {
    const { send, scheduler, answers } = open();
    send(postHeaders());
    vi.advanceTimersByTime(150);
    for (const part of [requestBody("a"), requestBody("", true), responseHeaders(200), responseBody("b", true)])
      send(part);
    expect(answers().slice(1)).toEqual([
      { part: "requestBody" },
      { part: "requestBody" },
      { part: "responseHeaders", set: { "x-went-into-resp-headers": "true" } },
      { part: "responseBody" },
    ]);
    expect(scheduler.seen[0]).toMatchObject({ chunks: ["b"], causes: ["ok"] });
  });

  it("and waits may send nothing of the response's body: the exchange is let go", () => {
    const { send, peer, scheduler } = open();
    send(postHeaders());
    vi.advanceTimersByTime(150);
    send(responseHeaders(200));
    peer.closed();
    expect(scheduler.seen[0]?.causes).toEqual(["let_go"]);
  });

  it("is taken for full duplex without a body, until one was seen that waits", () => {
    const first = open();
    for (const part of [getHeaders(), responseHeaders(200), responseBody("a", true)]) first.send(part);
    expect(first.answers().at(-1)).toEqual({ part: "responseBody", body: "a", endOfStream: true });
    const later = open({ memory: { openStreams: 0, seen: "waiting" } });
    for (const part of [getHeaders(), responseHeaders(200), responseBody("a", true)]) later.send(part);
    expect(later.answers().at(-1)).toEqual({ part: "responseBody" });
  });

  it("costs no timer once it is known, nor does one that announces", () => {
    const { send, peer } = open();
    send(postHeaders());
    expect(vi.getTimerCount()).toBe(2);
    send(requestBody("a"));
    expect(vi.getTimerCount()).toBe(1);
    peer.closed();
    const announced = open();
    announced.send(postHeaders(), announce("FULL_DUPLEX_STREAMED", "FULL_DUPLEX_STREAMED"));
    expect(vi.getTimerCount()).toBe(1);
  });

  it("and leaves while it is waited for leaves no timer behind", () => {
    const { send, peer, scheduler } = open();
    send(postHeaders());
    peer.closed();
    vi.advanceTimersByTime(1000);
    expect(scheduler.seen).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  const forced = [
    { bodyMode: "full-duplex", parts: [requestBody("{}", true)], want: ["requestHeaders", "requestBody"], shown: "{}" },
    { bodyMode: "buffered", parts: [requestBody("{}", true)], want: ["requestHeaders", "requestBody"], shown: "{}" },
    {
      bodyMode: "streamed",
      parts: [requestBody("{}", true)],
      want: ["requestHeaders", "requestBody"],
      shown: undefined,
    },
    { bodyMode: "none", parts: [], want: ["requestHeaders"], shown: undefined },
  ] as const;
  for (const { bodyMode, parts, want, shown } of forced) {
    it(`is in the mode that is forced on it: ${bodyMode}`, () => {
      const { send, scheduler, answers } = open({ bodyMode });
      send(postHeaders());
      for (const part of parts) send(part);
      expect(answers().map(({ part }) => part)).toEqual(want);
      expect(scheduler.seen[0]?.body).toBe(shown);
    });
  }
});

describe("a request that is not whole in time is answered 408, however steadily it comes in", () => {
  const limits = { ...defaultDoorLimits, maxRequestMs: 60_000 };
  for (const mode of ["FULL_DUPLEX_STREAMED", "STREAMED"] as const) {
    it(mode, () => {
      const { send, scheduler, services, answers } = open({ limits });
      send(postHeaders(), announce(mode, mode));
      for (let second = 0; second < 70; second++) {
        vi.advanceTimersByTime(1000);
        send({ case: "requestBody", value: bodies });
      }
      const [refusal] = answers().slice(-1);
      expect(refusal).toMatchObject({ part: "immediateResponse", status: 408 });
      expect(refusal?.body).toBe("inference error: RequestTimeout - the request did not come in whole within 60000 ms");
      expect(scheduler.seen.flatMap(({ causes }) => causes)).toEqual(mode === "STREAMED" ? ["client_cancelled"] : []);
      expect(services.held.bytes).toBe(0);
    });
  }

  it("one that stands still for too long is answered 504 as before", () => {
    const { send, answers } = open();
    send(postHeaders(), announce("FULL_DUPLEX_STREAMED", "NONE"));
    vi.advanceTimersByTime(301_000);
    expect(answers()).toMatchObject([{ part: "immediateResponse", status: 504 }]);
  });
});

it("ends well, and cuts nothing, where a body that may never come does not come", () => {
  const { stream, send, scheduler, answers } = open();
  send(getHeaders(), announce("NONE", "NONE"));
  send(responseHeaders(200));
  vi.advanceTimersByTime(601_000);
  expect(stream.end).toHaveBeenCalledWith(0, "");
  expect(answers().map(({ part }) => part)).toEqual(["requestHeaders", "responseHeaders"]);
  expect(scheduler.seen[0]?.causes).toEqual(["let_go"]);
});

it("stays where leaving would lose a body in full duplex, and shows nothing of it", () => {
  const { stream, send, scheduler, answers } = open({}, { endsAtOnce: false });
  scheduler.answer({ destinations: ["10.0.0.1:8000"], observation: "none" });
  for (const part of [getHeaders(), responseHeaders(200), responseBody("a", true)]) send(part);
  expect(stream.end).not.toHaveBeenCalled();
  expect(answers().at(-1)).toEqual({ part: "responseBody", body: "a", endOfStream: true });
  expect(scheduler.seen[0]).toMatchObject({ chunks: [], causes: ["ok"] });
});

it("drops a stream that the gateway keeps open behind its end, once", () => {
  const { stream, send } = open();
  send(getHeaders());
  send(responseHeaders(204, {}, true));
  vi.advanceTimersByTime(9_000);
  expect(stream.abort).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(stream.abort).toHaveBeenCalledTimes(1);
  expect(stream.end).not.toHaveBeenCalled();
});

it("keeps a response that goes on, however long it takes", () => {
  const { stream, peer, send, scheduler } = open();
  send(getHeaders());
  send(responseHeaders(200));
  for (let minute = 0; minute < 120; minute++) {
    vi.advanceTimersByTime(60_000);
    send({ case: "responseBody", value: { body: Buffer.from("data: x\n\n") } });
  }
  expect(stream.end).not.toHaveBeenCalled();
  peer.closed();
  expect(scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  expect(vi.getTimerCount()).toBe(0);
});
