import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { EndpointSnapshot } from "@outrider/core/contract";
import { OutriderError } from "@outrider/core/contract";
import {
  ConfigureRequestSchema,
  type PushStateRequest,
  PushStateRequestSchema,
  type PushStateResponse,
  PushStateResponseSchema,
  SessionRequestSchema,
} from "@outrider/protos/scorer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameHeaderBytes } from "./grpc-frames.ts";
import { createReplicatedTable, type ReplicatedTable } from "./replicated-table.ts";
import { encodeStateStep, type StateStep, stateChunkBytes } from "./state-frames.ts";
import { toStateGrants } from "./state-grants.ts";
import { createStateSender } from "./state-sender.ts";
import { type FakeEndpoint, fakeNowMs, fakeSnapshot } from "./testing/index.ts";

const columns = [
  { id: 3, key: "waiting_requests" },
  { id: 9, key: "metric.depth" },
  { id: 10, key: "inflight_requests" },
];
const needs = [{ key: "endpoint.labels", names: ["zone"] }, { key: "endpoint.sets" }];
const grants = toStateGrants(create(ConfigureRequestSchema, { columns, instances: [{ id: 1, granted: needs }] }));
const epoch = 7;

describe("a step that does not fit", () => {
  const before = fakeSnapshot([{ waiting_requests: 1 }], { rev: 4 });
  const after = fakeSnapshot([{ waiting_requests: 2 }, {}], { rev: 5 });
  const { $typeName: _type, ...plain } = chunksOf({ epoch, before, after, grants })[0]!;
  const cases = [
    { title: "is refused without the table before it", init: {}, code: "failed_precondition" },
    { title: "is refused on another epoch", init: { epoch: 8 }, synced: true, code: "failed_precondition" },
    {
      title: "is refused from a revision that is not here",
      init: { fromRev: 3 },
      synced: true,
      code: "failed_precondition",
    },
    {
      title: "is refused with a slot beyond the last",
      init: { removedSlots: [8192] },
      synced: true,
      code: "invalid_argument",
    },
    {
      title: "is refused with fewer values than slots",
      init: { columns: [{ column: 3, values: [1] }] },
      synced: true,
      code: "invalid_argument",
    },
    {
      title: "is refused with fewer ages than values",
      init: { columns: [{ column: 3, values: [1, 2], agesMs: [1] }] },
      synced: true,
      code: "invalid_argument",
    },
  ];
  for (const { title, init, synced = false, code } of cases) {
    it(`${title}, and changes nothing`, () => {
      const table = connected();
      if (synced) push(table, undefined, before);
      const { version } = table;
      const outcome = table.apply(create(PushStateRequestSchema, { ...plain, ...(init as object) }));
      const [haveEpoch, haveRev] = code === "failed_precondition" && synced ? [epoch, 4] : [0, 0];
      expect(outcome).toMatchObject({ kind: "refused", response: { nack: { code, haveEpoch, haveRev } } });
      expect(table.version).toBe(version);
    });
  }
});

describe("a state sender that starts over", () => {
  it("sends the whole table at once, also right behind a step", () => {
    const frames: Buffer[] = [];
    const sender = createStateSender(epoch, {
      isWritable: () => true,
      send: (frame) => void frames.push(frame),
      stepped() {},
      refused() {},
    });
    sender.grant(grants);
    sender.publish(fakeSnapshot([{ waiting_requests: 1 }], { rev: 4 }));
    expect(frames).toHaveLength(1);
    sender.resync();
    const { frame } = fromBinary(SessionRequestSchema, frames[1]!.subarray(frameHeaderBytes));
    expect(frame).toMatchObject({ case: "state", value: { full: true, toRev: 4 } });
    sender.stop(new OutriderError("SCORER_UNAVAILABLE", "the test is over"));
  });
});

describe("a table in chunks", () => {
  const labels = { zone: "z".repeat(400) };
  const snapshot = fakeSnapshot(
    Array.from({ length: 3000 }, (_, i) => ({ labels, waiting_requests: i, "metric.depth": i / 3, ageMs: i })),
  );

  it("keeps each below 64 KiB", () => {
    const chunks = chunksOf({ epoch, before: undefined, after: snapshot, grants });
    expect(chunks.length).toBeGreaterThan(10);
    for (const chunk of chunks)
      expect(toBinary(PushStateRequestSchema, chunk).length).toBeLessThanOrEqual(stateChunkBytes);
  });

  it("takes effect with its last one", () => {
    const table = connected();
    const chunks = chunksOf({ epoch, before: undefined, after: snapshot, grants });
    for (const chunk of chunks.slice(0, -1)) expect(table.apply(chunk)).toEqual({ kind: "pending" });
    expect(table.version.live).toHaveLength(0);
    table.apply(chunks.at(-1)!);
    expectSame(table, snapshot);
  });

  it("is dropped when another step begins before its last", () => {
    const table = connected();
    const chunks = chunksOf({ epoch, before: undefined, after: snapshot, grants });
    table.apply(chunks[0]!);
    const small = fakeSnapshot([{}]);
    push(table, undefined, small);
    expectSame(table, small);
  });
});

describe("ages", () => {
  it("are whole ms, and one number where all are the same", () => {
    const pool = [
      { waiting_requests: 1, ageMs: 20 },
      { waiting_requests: 2, ageMs: 20 },
    ];
    const [chunk] = chunksOf({
      epoch,
      before: undefined,
      after: fakeSnapshot(pool, { takenAtMs: fakeNowMs + 0.9 }),
      grants,
    });
    expect(chunk?.columns).toMatchObject([{ column: 3, values: [1, 2], ageMs: 20, agesMs: [] }]);
  });

  it("keep the time of each value through steps that do not renew it", () => {
    const table = connected();
    const first = fakeSnapshot([
      { waiting_requests: 1, ageMs: 3 },
      { waiting_requests: 2, ageMs: 5 },
    ]);
    push(table, undefined, first);
    const second = fakeSnapshot(
      [
        { waiting_requests: 1, ageMs: 53 },
        { waiting_requests: 2, ageMs: 1 },
      ],
      { takenAtMs: fakeNowMs + 50 },
    );
    const step = push(table, first, second);
    expect(step[0]?.columns).toMatchObject([{ slots: Uint8Array.of(2), values: [2] }]);
    expect([...table.version.measuredAtMs("waiting_requests")]).toEqual([fakeNowMs - 3, fakeNowMs + 49]);
  });
});

it("tells instances of a whole table only what differs", () => {
  const table = connected();
  push(table, undefined, fakeSnapshot([{}, {}, {}]));
  const next = fakeSnapshot([{}, { incarnation: 1 }, { id: "pool/new" }]);
  const [chunk] = chunksOf({ epoch: 8, before: undefined, after: next, grants });
  expect(table.apply(chunk!)).toMatchObject({
    kind: "applied",
    change: {
      removedSlots: [2],
      upserted: [
        { slot: 1, incarnation: 1 },
        { slot: 2, id: "pool/new" },
      ],
    },
  });
});

it("sends no label that was not granted", () => {
  const snapshot = fakeSnapshot([{ labels: { zone: "a", secret: "s" }, sets: { models: ["m"] } }]);
  const [chunk] = chunksOf({ epoch, before: undefined, after: snapshot, grants });
  expect(chunk?.upserts[0]).toMatchObject({ labels: { zone: "a" }, sets: { models: { values: ["m"] } } });
  expect(Buffer.from(toBinary(PushStateRequestSchema, chunk!)).toString()).not.toContain("secret");
});

it("forgets columns that are no longer granted, and keeps the others under new numbers", () => {
  const table = connected();
  push(table, undefined, fakeSnapshot([{ waiting_requests: 4, "metric.depth": 5 }]));
  table.setColumns([{ id: 1, key: "metric.depth" }]);
  expect(table.version.get("metric.depth")[0]).toBe(5);
  expect(table.version.get("waiting_requests")[0]).toBeNaN();
});

/** A pool at some time: which of a few endpoints are in which slot, and what is known of them. */
const value = fc.oneof(fc.constant(Number.NaN), fc.nat(5), fc.float({ noNaN: true, noDefaultInfinity: true }));
const endpoint = fc.record({
  id: fc.constantFrom("a", "b", "c", "d"),
  waiting_requests: value,
  "metric.depth": value,
  incarnation: fc.nat(2),
  zone: fc.constantFrom("x", "y"),
  ageMs: fc.nat(100),
});
const poolAt = fc
  .uniqueArray(fc.record({ slot: fc.nat(20), endpoint }), { selector: ({ slot }) => slot, maxLength: 6 })
  .map((slots) =>
    slots.map(({ slot, endpoint: { zone, ...rest } }): FakeEndpoint => ({ slot, ...rest, labels: { zone } })),
  );

it("leads any table to any other, whatever is sent in full, refused or forgotten on the way", () => {
  const event = fc.record({
    pool: poolAt,
    what: fc.constantFrom("step", "step", "step", "full", "forget", "reconnect"),
  });
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
      const host = createHost();
      for (const { pool, what } of events) {
        if (what === "full") host.sender.resync();
        if (what === "reconnect") host.reconnect();
        if (what === "forget") host.forget();
        host.publish(pool);
      }
      host.publish([{}]);
      host.publish([{ waiting_requests: 1 }]);
      expectSame(host.table, host.sender.sent!);
      expect(host.sender.acked!.rev).toBe(host.sender.sent!.rev);
      expect(host.known).toEqual(idsBySlot(host.sender.sent!));
    }),
    { numRuns: 300 },
  );
});

it("does not send a table that the plugin refuses over and over", () => {
  const sent: PushStateRequest[] = [];
  const refusals: OutriderError[] = [];
  const sender = createStateSender(epoch, {
    isWritable: () => true,
    send: (frame) => sent.push(toChunk(frame)),
    stepped: () => {},
    refused: (error) => refusals.push(error),
  });
  sender.grant(grants);
  sender.publish(fakeSnapshot([{}]));
  for (let i = 0; i < 3; i += 1) {
    sender.acknowledge(create(PushStateResponseSchema, { epoch, nack: { code: "invalid_argument" } }));
    sender.resume();
    expect(sent).toHaveLength(i + 1);
    sender.publish(fakeSnapshot([{}]));
  }
  expect(refusals).toHaveLength(3);
  sender.stop(new OutriderError("SCORER_UNAVAILABLE", "gone"));
});

/** A host and a plugin that talk without delay. */
function createHost() {
  const responses: PushStateResponse[] = [];
  const host = {
    table: connected(),
    /** What an instance that listens to changes has in each slot. */
    known: {} as Record<number, string>,
    sender: createSender(1),
    reconnect() {
      host.sender.stop(new OutriderError("SCORER_UNAVAILABLE", "gone"));
      responses.length = 0;
      host.sender = createSender((host.sender.acked?.rev ?? 0) + 2);
    },
    forget() {
      host.table = connected();
      host.known = {};
    },
    publish(pool: readonly FakeEndpoint[]) {
      host.sender.publish(fakeSnapshot(pool));
      for (let response = responses.shift(); response !== undefined; response = responses.shift()) {
        host.sender.acknowledge(response);
      }
    },
  };

  function createSender(sessionEpoch: number) {
    const sender = createStateSender(sessionEpoch, {
      isWritable: () => true,
      send,
      stepped: () => {},
      refused: () => {},
    });
    sender.grant(grants);
    return sender;
  }

  function send(frame: Buffer) {
    const outcome = host.table.apply(toChunk(frame));
    if (outcome.kind === "pending") return;
    responses.push(outcome.response);
    if (outcome.kind === "refused") return;
    for (const slot of outcome.change.removedSlots) delete host.known[slot];
    for (const { slot, id } of outcome.change.upserted) host.known[slot] = id;
  }

  return host;
}

function connected(): ReplicatedTable {
  const table = createReplicatedTable();
  table.setColumns(columns);
  return table;
}

function chunksOf(step: StateStep): readonly PushStateRequest[] {
  return encodeStateStep(step).frames.map(toChunk);
}

/** A frame as protobuf-es reads it. */
function toChunk(frame: Buffer): PushStateRequest {
  const { frame: content } = fromBinary(SessionRequestSchema, new Uint8Array(frame.subarray(frameHeaderBytes)));
  if (content.case !== "state") expect.fail(`a ${content.case} frame`);
  return content.value;
}

function push(table: ReplicatedTable, before: EndpointSnapshot | undefined, after: EndpointSnapshot) {
  const chunks = chunksOf({ epoch, before, after, grants });
  for (const chunk of chunks) table.apply(chunk);
  return chunks;
}

function idsBySlot(snapshot: EndpointSnapshot): Record<number, string> {
  return Object.fromEntries(Array.from(snapshot.live, (slot) => [slot, snapshot.at(slot)!.id]));
}

/** The plugin has exactly the snapshot: endpoints, values and their times. */
function expectSame({ version }: ReplicatedTable, snapshot: EndpointSnapshot): void {
  expect(version.rev).toBe(snapshot.rev);
  expect([...version.live]).toEqual([...snapshot.live]);
  for (const slot of snapshot.live) {
    expect(version.at(slot)).toEqual(snapshot.at(slot));
    for (const key of ["waiting_requests", "metric.depth"]) {
      expect(version.get(key)[slot]).toBe(snapshot.columns.get(key)[slot]);
      expect(version.measuredAtMs(key)[slot]).toBe(snapshot.columns.measuredAtMs(key)[slot]);
    }
  }
  for (let slot = 0; slot < version.slotCount; slot += 1) {
    if (snapshot.at(slot) === undefined) expect(version.get("waiting_requests")[slot]).toBeNaN();
  }
}
