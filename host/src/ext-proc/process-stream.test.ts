import { create, toBinary } from "@bufbuild/protobuf";
import { ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createFakeScheduler } from "../doors/testing/fake-scheduler.ts";
import type { ProcessServices } from "./process-services.ts";
import { createProcessStream } from "./process-stream.ts";
import { createServices } from "./testing/create-services.ts";
import type { SentPart } from "./testing/fake-gateway.ts";
import { type Beside, getHeaders, responseHeaders } from "./testing/parts.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function open(more: Partial<ProcessServices> = {}) {
  const stream = { send: vi.fn(), pass: vi.fn(), flush: vi.fn(), end: vi.fn(), abort: vi.fn(), endsAtOnce: true };
  const scheduler = createFakeScheduler();
  const services = createServices({ scheduler, ...more });
  const peer = createProcessStream(stream, services);
  const send = (part: SentPart, beside: Beside = {}) => {
    const message = create(ProcessingRequestSchema, { ...beside, request: part as never });
    const bytes = Buffer.from(toBinary(ProcessingRequestSchema, message));
    peer.message(bytes, 0, bytes.length);
  };
  return { stream, peer, send, scheduler, services };
}

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
