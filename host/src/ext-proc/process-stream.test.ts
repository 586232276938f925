import { create, toBinary } from "@bufbuild/protobuf";
import { ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createDeadlineSweep, defaultPhaseDeadlines } from "../doors/deadlines.ts";
import { createHeldBytes } from "../doors/held-bytes.ts";
import { createFakeScheduler } from "../doors/testing/fake-scheduler.ts";
import { createExtProcMetrics } from "./metrics.ts";
import { createProcessStream } from "./process-stream.ts";
import type { SentPart } from "./testing/fake-gateway.ts";
import { getHeaders, responseHeaders } from "./testing/parts.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function open() {
  const stream = { send: vi.fn(), pass: vi.fn(), flush: vi.fn(), end: vi.fn(), abort: vi.fn() };
  const scheduler = createFakeScheduler();
  const metrics = createExtProcMetrics(new Registry());
  const sweep = createDeadlineSweep(100);
  const held = createHeldBytes(10_000);
  const services = { scheduler, metrics, sweep, held, maxBodyBytes: 1000, deadlines: defaultPhaseDeadlines };
  const peer = createProcessStream(stream, services);
  const send = (part: SentPart) => {
    const bytes = Buffer.from(
      toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, { request: part as never })),
    );
    peer.message(bytes, 0, bytes.length);
  };
  return { stream, peer, send, scheduler };
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
