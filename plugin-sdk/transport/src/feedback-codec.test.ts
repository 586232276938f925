import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { FeedbackEvent } from "@outrider/core/contract";
import { FeedbackEventSchema } from "@outrider/protos/scorer";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fromWireEvent, toWireEvent } from "./feedback-codec.ts";
import { asTransmitted } from "./transmitted-event.ts";

const uint32 = fc.nat(0xffffffff);
const time = fc.double({ min: 0, max: 4e9, noNaN: true });
const common = { callId: uint32, slot: fc.nat(8191), atMs: fc.double({ min: 0, max: 2e12, noNaN: true }) };
const score = fc.double({ min: 0, max: 100, noNaN: true });

const event: fc.Arbitrary<FeedbackEvent> = fc.oneof(
  fc.record({
    kind: fc.constant("picked" as const),
    ...common,
    ownScore: fc.oneof(score, fc.constant(Number.NaN)),
    totalScore: score,
    fallback: fc.boolean(),
    promptTokens: uint32,
    picks: fc.array(fc.record({ profile: fc.string(), slot: fc.nat(8191) }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("headers" as const),
    ...common,
    status: fc.nat(599),
    ttfbUs: time,
    headers: fc.dictionary(fc.stringMatching(/^x-[a-z]{1,9}$/), fc.string(), { maxKeys: 3 }),
  }),
  fc.record({
    kind: fc.constant("progress" as const),
    ...common,
    chunks: uint32,
    outputTokens: uint32,
    elapsedMs: time,
  }),
  fc.record({
    kind: fc.constant("done" as const),
    ...common,
    cause: fc.constantFrom("ok", "client_cancelled", "upstream_error", "never_sent", "evicted", "unknown"),
    status: fc.nat(599),
    promptTokens: uint32,
    cachedTokens: uint32,
    outputTokens: uint32,
    ttftUs: time,
    e2eMs: time,
  }),
  fc.record({
    kind: fc.constant("done" as const),
    ...common,
    ...{ cause: fc.constant("ok" as const), status: fc.constant(200) },
    ...{ promptTokens: uint32, cachedTokens: uint32, outputTokens: uint32, ttftUs: time, e2eMs: time },
    blockHashes: fc
      .array(fc.tuple(uint32, uint32), { minLength: 1, maxLength: 9 })
      .map((hashes) => Uint32Array.from(hashes.flat())),
  }),
);

it("brings every event over as an inline instance gets it", () => {
  fc.assert(
    fc.property(event, (sent) => {
      // As frames come: a view of other bytes.
      const message = Buffer.from(toBinary(FeedbackEventSchema, toWireEvent({ instance: 3, event: sent })));
      const got = fromWireEvent(fromBinary(FeedbackEventSchema, message));
      expect(plain(got)).toEqual(plain(asTransmitted(sent)));
    }),
  );
});

it("reads a cause that it does not know as unknown, and an event that it does not know as none", () => {
  const done = create(FeedbackEventSchema, { event: { case: "done", value: { cause: "vanished" } } });
  expect(fromWireEvent(done)).toMatchObject({ kind: "done", cause: "unknown" });
  expect(fromWireEvent(create(FeedbackEventSchema))).toBeUndefined();
});

it("leaves out block hashes where there are none, and half of one", () => {
  for (const [bytes, want] of [
    [0, undefined],
    [7, undefined],
    [15, Uint32Array.of(0x01010101, 0x01010101)],
  ] as const) {
    const blockHashesU64le = new Uint8Array(bytes).fill(1);
    const done = fromWireEvent(create(FeedbackEventSchema, { event: { case: "done", value: { blockHashesU64le } } }));
    expect(done && "blockHashes" in done ? done.blockHashes : undefined).toEqual(want);
  }
});

/** -0 as 0, and nothing of the generated messages besides their fields: a difference would be seen. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
