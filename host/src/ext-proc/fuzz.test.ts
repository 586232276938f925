import { create, toBinary } from "@bufbuild/protobuf";
import { ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import { encodeFrame } from "@outrider/transport";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { defaultDoorLimits } from "../doors/limits.ts";
import type { GatewayCall } from "./testing/fake-gateway.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import {
  getHeaders,
  postHeaders,
  requestBody,
  responseBody,
  responseHeaders,
  subsetHint,
  trailers,
} from "./testing/parts.ts";

/** Kept: a seed that found a fault is added. */
const seeds = [1, 2, 3, 20_261_122];
const streamsPerSeed = 60;

const parts = [
  postHeaders(),
  getHeaders(),
  requestBody("{}"),
  requestBody("", true),
  requestBody(Buffer.alloc(70_000)),
  trailers("requestTrailers"),
  responseHeaders(200),
  responseHeaders(204, {}, true),
  responseBody("data: x\n\n"),
  responseBody("", true),
  trailers("responseTrailers"),
] as const;

type Step = (call: GatewayCall) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...parts).map((part) => (call: GatewayCall) => call.send(part)) },
  {
    weight: 1,
    arbitrary: fc.constant((call: GatewayCall) => call.send(requestBody("a", true), subsetHint(["10.0.0.1"]))),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 64 }).map((bytes) => (call: GatewayCall) => call.sendBytes(bytes)),
  },
  { weight: 2, arbitrary: mutatedFrame() },
  { weight: 1, arbitrary: fc.constant((call: GatewayCall) => call.halfClose()) },
  { weight: 1, arbitrary: fc.constant((call: GatewayCall) => call.reset()) },
);

/** A frame with one byte changed, or cut. */
function mutatedFrame(): fc.Arbitrary<Step> {
  return fc
    .tuple(fc.constantFrom(...parts), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean())
    .map(([part, at, byte, isCut]) => (call) => {
      const message = create(ProcessingRequestSchema, { request: part as never });
      const frame = encodeFrame(toBinary(ProcessingRequestSchema, message));
      frame[at % frame.length] = byte;
      call.sendBytes(isCut ? frame.subarray(0, at % frame.length) : frame);
    });
}

let door: OpenDoor;
beforeAll(async () => {
  door = await openDoor({ limits: { ...defaultDoorLimits, maxBodyBytes: 100_000 } });
});
afterAll(() => door.close());

for (const seed of seeds) {
  it(`survives any messages in any order and leaves nothing open, seed ${seed}`, async () => {
    const scripts = fc.sample(fc.array(step, { minLength: 1, maxLength: 12 }), { seed, numRuns: streamsPerSeed });
    const steady = door.open();
    steady.send(postHeaders());
    for (const script of scripts) {
      const call = door.open();
      for (const run of script) run(call);
      await new Promise((resolve) => door.gateway.session.ping(resolve));
      call.reset();
      await call.ended;
    }
    steady.send(requestBody("{}", true));
    await steady.receive(2);
    steady.reset();
    await vi.waitFor(async () => expect(await door.metric("outrider_ext_proc_streams_open")).toBe(0));
    expect(door.scheduler.seen.filter(({ causes }) => causes.length !== 1)).toEqual([]);
    expect(door.gateway.session.destroyed).toBe(false);
  });
}
