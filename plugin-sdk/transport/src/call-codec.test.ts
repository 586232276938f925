import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { CycleCall } from "@outrider/core/contract";
import { type Need, type NeedKey, needKeys, OutriderError } from "@outrider/core/contract";
import { type ScoreBatch, ScoreBatchSchema, type ScoreRequest, ScoreRequestSchema } from "@outrider/protos/scorer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBitmap } from "./bitmap.ts";
import { type DecodedCall, decodeScoreBatch } from "./call-decoder.ts";
import { writeCall } from "./call-encoder.ts";
import { toFactGrants } from "./fact-grants.ts";
import { fakeCall, fakeSnapshot } from "./testing/index.ts";
import { WireWriter } from "./wire-writer.ts";

const uint32 = fc.oneof(fc.nat(300), fc.nat(0xffffffff));
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 70 }),
  fc.string({ minLength: 100, maxLength: 300 }),
);
const bytes = fc.uint8Array({ maxLength: 40 });
const float = fc.oneof(fc.float({ noNaN: true }), fc.constant(0));
const words = fc
  .uint8Array({ maxLength: 10 })
  .map((head) => Uint8Array.from({ length: 4 * head.length }, (_, i) => head[i >> 2]! + i));

const facts = fc.record({
  model: text,
  lora: text,
  priority: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fairnessId: text,
  sessionKey: text,
  promptTokens: uint32,
  promptText: text,
  tokenIdsU32le: words,
  blockHashesU64le: words,
  blockSize: uint32,
  headers: fc.dictionary(fc.stringMatching(/^x-[a-z]{1,9}$/), text, { maxKeys: 3 }),
  maxOutputTokens: uint32,
  stream: fc.boolean(),
  requestId: text,
  sloTtftMs: uint32,
  sloTpotMs: uint32,
  objective: text,
  pinnedSlotPlus1: fc.nat(8192),
});

const request: fc.Arbitrary<MessageInitShape<typeof ScoreRequestSchema>> = fc.record({
  callId: uint32,
  instance: uint32,
  epoch: uint32,
  rev: uint32,
  candidates: bytes,
  request: facts,
  budgetUs: uint32,
  traceparent: text,
  nowMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
  seed: uint32,
  profile: text,
  peers: fc.array(fc.record({ profile: text, slot: uint32 }), { maxLength: 3 }),
  data: fc.array(fc.record({ column: uint32, values: fc.array(float, { maxLength: 9 }), unknown: bytes }), {
    maxLength: 3,
  }),
});

describe("garbage instead of calls", () => {
  it("is refused as a violation, or read, but never anything else", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readsOrRefuses), { numRuns: 2000 });
  });

  it("is refused where a valid message was cut or changed", () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat(255), (call, at, byte) => {
        const valid = toBinary(ScoreBatchSchema, create(ScoreBatchSchema, { calls: [call] }));
        readsOrRefuses(valid.subarray(0, at % valid.length));
        readsOrRefuses(valid.map((old, i) => (i === at % valid.length ? byte : old)));
      }),
    );
  });

  const cases = [
    { title: "a number of eleven bytes", bytes: new Uint8Array(11).fill(255), want: /more than ten bytes/ },
    { title: "a field that ends behind the message", bytes: [0x0a, 5, 1], want: /field of 5 bytes/ },
    {
      title: "a field that ends behind the one around it",
      bytes: [0x0a, 2, 0x2a, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1],
      want: /field of 9 bytes/,
    },
    { title: "a field without a number", bytes: [0x02, 0], want: /without a number/ },
    { title: "a group that never ends", bytes: [0x9b, 0x01, 0x08, 0x01], want: /inside a group/ },
    { title: "groups nested without end", bytes: new Uint8Array(4000).fill(0x0b), want: /deep/ },
    { title: "packed floats of a broken length", bytes: [0x12, 4, 0x1a, 2, 0, 0], want: /packed floats/ },
  ];
  for (const { title, bytes, want } of cases) {
    it(`names ${title}`, () => expect(() => decodeScoreBatch(Buffer.from(bytes))).toThrow(want));
  }

  it("takes a megabyte of single floats in one pass", () => {
    const single = Buffer.alloc(5 * 200_000);
    for (let at = 0; at < single.length; at += 5) single[at] = 0x1d;
    const column = Buffer.concat([Buffer.from([0x12, 0xc0, 0x84, 0x3d]), single]);
    expect(decodeScoreBatch(column).inflight[0]?.values.count).toBe(200_000);
  });
});

it("reads every call that protobuf-es writes", () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 3 }), (calls) => {
      const batch = create(ScoreBatchSchema, { calls });
      const decoded = decodeScoreBatch(Buffer.from(toBinary(ScoreBatchSchema, batch)));
      expect(decoded.calls.map(toPlain)).toEqual(batch.calls.map(toExpected));
    }),
  );
});

it("reads in-flight columns, packed or not", () => {
  const inflight = [{ column: 3, slots: Uint8Array.of(5), values: [1, 2.5], unknown: Uint8Array.of(2) }];
  const packed = toBinary(ScoreBatchSchema, create(ScoreBatchSchema, { inflight }));
  const single = [0x12, 15, 0x08, 3, 0x1d, 0, 0, 128, 63, 0x1d, 0, 0, 32, 64, 0x32, 1, 2];
  for (const message of [packed, single]) {
    const [column] = decodeScoreBatch(Buffer.from(message)).inflight;
    expect([column?.column, [...column!.values.toArray()], [...column!.unknown]]).toEqual([3, [1, 2.5], [2]]);
  }
});

const everything: readonly Need[] = [
  ...(Object.keys(needKeys) as NeedKey[]).map((key) => ({ key })),
  { key: "request.headers", names: ["X-Tenant", "x-none"] },
];
const dataColumns = [
  { id: 41, key: "data.prefix_match_blocks" },
  { id: 42, key: "data.uncached_tokens" },
  { id: 43, key: "data.predicted_ttft_ms" },
];

it("writes what protobuf-es reads", () => {
  const requests = fc.record({
    model: text,
    sessionKey: text,
    priority: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    promptText: text,
    promptTokens: uint32,
    blockHashes: words.map((hashes) => new Uint32Array(hashes.buffer)),
    stream: fc.boolean(),
    pinnedSlot: fc.integer({ min: -1, max: 8191 }),
    requestId: text,
  });
  const pool = fc.array(fc.record({ waiting_requests: fc.nat(9) }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(requests, pool, uint32, text, (facts, endpoints, seed, profile) => {
      const call = fakeCall({ pool: endpoints, request: facts, seed, profile, nowMs: seed / 3, budgetUs: 1999.9 });
      const [got] = encode([call], everything).calls;
      expect(got?.request).toMatchObject({
        model: wellFormed(facts.model),
        sessionKey: wellFormed(facts.sessionKey),
        promptText: wellFormed(facts.promptText),
        priority: facts.priority,
        promptTokens: facts.promptTokens,
        stream: facts.stream,
        pinnedSlotPlus1: facts.pinnedSlot + 1,
        blockHashesU64le: new Uint8Array(facts.blockHashes.buffer),
      });
      expect(got).toMatchObject({
        callId: call.callId,
        instance: 7,
        epoch: 8,
        rev: 9,
        budgetUs: 1999,
        seed,
        nowMs: seed / 3,
      });
      expect([...fromBitmap(got!.candidates)]).toEqual([...call.candidates]);
      expect(got?.profile).toBe(wellFormed(profile));
    }),
  );
});

it("writes data with a bitmap of what is unknown, and leaves out what is unknown for all", () => {
  const data = {
    "data.prefix_match_blocks": [1, Number.NaN, 3],
    "data.uncached_tokens": [4, 5, 6],
    "data.predicted_ttft_ms": [Number.NaN, Number.NaN, Number.NaN],
  };
  const peers = [{ profile: "prefill", slot: 2 }];
  const [got] = encode([fakeCall({ pool: [{}, {}, {}], data, peers })], []).calls;
  expect(got?.data.map(({ column, values, unknown }) => [column, values, [...unknown]])).toEqual([
    [41, [1, 0, 3], [2]],
    [42, [4, 5, 6], []],
  ]);
  expect(got?.peers).toMatchObject(peers);
});

it("writes no fact that was not granted, and no header that was not named", () => {
  const request = {
    model: "m",
    promptTokens: 5,
    lora: "secret",
    fairnessId: "secret",
    sessionKey: "secret",
    objective: "secret",
    promptText: "secret",
    requestId: "secret",
    headers: { authorization: "secret", "x-tenant": "acme" },
    tokenIds: Uint32Array.of(1),
    blockHashes: Uint32Array.of(1, 2),
    priority: 3,
    maxOutputTokens: 9,
    stream: true,
    sloTtftMs: 8,
    pinnedSlot: 0,
  };
  const call = fakeCall({ pool: [{}], request });
  expect(encode([call], []).calls[0]?.request).toMatchObject({ ...empty(), model: "m", promptTokens: 5 });
  const granted = encode([call], [{ key: "request.headers", names: ["X-Tenant"] }]).calls[0]!.request!;
  expect(granted).toMatchObject({ ...empty(), model: "m", promptTokens: 5, headers: { "x-tenant": "acme" } });
});

it("cuts text at a character and token ids at a count", () => {
  const request = { promptText: "aä€", tokenIds: Uint32Array.of(1, 2, 3) };
  const needs: Need[] = [
    { key: "request.prompt_text", maxBytes: 5 },
    { key: "request.token_ids", maxBytes: 2 },
  ];
  const got = encode([fakeCall({ pool: [{}], request })], needs).calls[0]!.request!;
  expect(got.promptText).toBe("aä");
  expect([...got.tokenIdsU32le]).toEqual([1, 0, 0, 0, 2, 0, 0, 0]);
});

it("names 1,000 candidates in at most 200 bytes besides the granted facts", () => {
  const snapshot = fakeSnapshot(Array.from({ length: 1000 }, () => ({})));
  const call = fakeCall({
    pool: snapshot,
    candidates: [...snapshot.live].filter((slot) => slot % 7 !== 0),
    callId: 2 ** 31,
  });
  expect(encodeBytes([call], [], 0xffffffff).length).toBeLessThanOrEqual(200);
});

it("keeps a batch whole that outgrows its memory", () => {
  const promptText = "x".repeat(30_000);
  const calls = Array.from({ length: 5 }, () => fakeCall({ pool: [{}], request: { promptText } }));
  const got = encode(calls, [{ key: "request.prompt_text" }]);
  expect(got.calls.map(({ callId, request }) => [callId, request?.promptText === promptText])).toEqual(
    calls.map(({ callId }) => [callId, true]),
  );
});

function encode(calls: readonly CycleCall[], granted: readonly Need[]): ScoreBatch {
  return fromBinary(ScoreBatchSchema, new Uint8Array(encodeBytes(calls, granted, 8)));
}

function encodeBytes(calls: readonly CycleCall[], granted: readonly Need[], epoch: number): Buffer {
  const writer = new WireWriter();
  writer.begin(0);
  const header = { instance: 7, epoch, rev: 9, allLive: false, grants: toFactGrants(granted), data: dataColumns };
  for (const call of calls) writeCall(writer, 1, call, header);
  return writer.bytes.subarray(writer.start, writer.at);
}

function readsOrRefuses(message: Uint8Array): void {
  try {
    decodeScoreBatch(Buffer.from(message));
  } catch (error) {
    expect(error).toBeInstanceOf(OutriderError);
    expect(error).toMatchObject({ code: "PROTOCOL_VIOLATION" });
  }
}

/** What UTF-8 makes of text with lone surrogates. */
function wellFormed(value: string): string {
  return value.toWellFormed();
}

function empty(): object {
  const { $typeName: _type, ...rest } = create(ScoreRequestSchema, { request: {} }).request!;
  return rest;
}

function toPlain(call: DecodedCall): object {
  const data = call.data.map(({ column, values, unknown }) => [column, [...values.toArray()], [...unknown]]);
  const { tokenIds, blockHashes, ...facts } = call.request;
  return {
    ...call,
    data,
    candidates: [...call.candidates],
    request: { ...facts, tokenIds: toBytes(tokenIds), blockHashes: toBytes(blockHashes) },
  };
}

function toExpected(call: ScoreRequest): object {
  const facts = call.request!;
  const { callId, instance, epoch, rev, budgetUs, nowMs, seed, profile } = call;
  const { tokenIdsU32le, blockHashesU64le, blockSize, pinnedSlotPlus1, $typeName: _type, ...rest } = facts;
  return {
    callId,
    instance,
    epoch,
    rev,
    budgetUs,
    nowMs,
    seed,
    profile,
    candidates: [...call.candidates],
    peers: call.peers.map(({ profile, slot }) => ({ profile, slot })),
    data: call.data.map(({ column, values, unknown }) => [column, values, [...unknown]]),
    request: {
      ...rest,
      tokenIds: [...tokenIdsU32le],
      blockHashes: [...blockHashesU64le],
      blockSizeTokens: blockSize,
      pinnedSlot: pinnedSlotPlus1 - 1,
    },
  };
}

function toBytes(words: Uint32Array): number[] {
  return [...new Uint8Array(words.buffer, words.byteOffset, words.byteLength)];
}
