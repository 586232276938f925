import { create, fromBinary, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import type { EndpointSnapshot } from "@outrider/core/contract";
import {
  HandshakeResponseSchema,
  PushStateRequestSchema,
  type PushStateResponse,
  PushStateResponseSchema,
  ScoreRequestSchema,
  ScoreResponseSchema,
  SessionRequestSchema,
} from "@outrider/protos/scorer";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createFrameDecoder } from "./grpc-frames.ts";
import { createSession, type SessionEnd } from "./session-client.ts";
import { encodeResponse, type ResponseFrame } from "./session-frames.ts";
import type { SessionClient, SessionOptions } from "./session-types.ts";
import { type FakeEndpoint, fakeCall, fakeSnapshot } from "./testing/index.ts";
import { ModelPlugin, modelColumns, rateOf } from "./testing/model-plugin.ts";
import { scriptedInstance } from "./testing/scripted-plugin.ts";
import { openReplication } from "./unary-bridge.ts";
import type { UnaryReply } from "./unary-call.ts";

/** Labels so long that a chunk holds three endpoints. */
const longLabels = { filler: "x".repeat(20_000) };

/** One thing that happens to a host and its plugin. */
type Event =
  | { readonly kind: "add" | "restart" | "remove" | "measure"; readonly n: number; readonly large: boolean }
  | { readonly kind: "call" | "deliver" | "answer"; readonly n: number }
  | { readonly kind: "publish" | "exchange" | "turn" | "forget" | "refuse" | "reconnect" | "stall" | "wake" };

const change = fc.record({
  kind: fc.constantFrom("add", "add", "add", "remove", "remove", "restart", "measure"),
  n: fc.nat(100),
  large: fc.boolean(),
});
const move = fc.record({ kind: fc.constantFrom("call", "call", "deliver", "answer"), n: fc.nat(100) });
const often = fc.record({ kind: fc.constantFrom("publish", "publish", "exchange", "turn") });
const seldom = fc.record({ kind: fc.constantFrom("forget", "refuse", "reconnect", "stall", "wake") });
const event = fc.oneof(
  { weight: 8, arbitrary: change },
  { weight: 10, arbitrary: move },
  { weight: 10, arbitrary: often },
  { weight: 1, arbitrary: seldom },
) as fc.Arbitrary<Event>;
const histories = fc.array(event, { minLength: 20, maxLength: 150, size: "max" });

/** How host and plugin are connected; everything between them waits until it is told to go on. */
interface Wire {
  readonly client: SessionClient;
  /** Lets the plugin take the `n`th of what is under way to it, or one that is as good. */
  deliver(n: number): boolean;
  /** Lets the host take the `n`th of what is under way back. */
  answer(n: number): boolean;
  stall(isStalled: boolean): void;
}

type Connect = (plugin: ModelPlugin, options: SessionOptions) => Promise<Wire>;

for (const [profile, connect] of Object.entries({ session: connectSession, replicated: connectUnary })) {
  it(`scores no endpoint in another's place and has each table as the host had it, ${profile}`, {
    timeout: 120_000,
  }, async () => {
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const world = await createWorld(connect);
        for (const event of history) await world.happens(event);
        checked += await world.settles();
      }),
      { numRuns: 150 },
    );
    expect(checked).toBeGreaterThan(150);
  });
}

/** A host, its endpoints, its plugin and what lies between. */
async function createWorld(connect: Connect) {
  const plugin = new ModelPlugin();
  const pool = new Map<number, FakeEndpoint & { readonly id: string }>();
  /** Revision that must be acknowledged before a slot is given away again. */
  const freedAtRev = new Map<number, number>();
  const snapshots = new Map<number, EndpointSnapshot>();
  const faults: string[] = [];
  const calls: Promise<void>[] = [];
  let rev = 1;
  let lastId = 0;
  let lastCallId = 0;
  let epoch = 0;
  let checked = 0;
  let wire: Wire;

  plugin.onApplied = (version) => {
    const sent = snapshots.get(version.rev)!;
    const same = [...version.live].every(
      (slot) =>
        version.at(slot)?.id === sent.at(slot)?.id && version.at(slot)?.incarnation === sent.at(slot)?.incarnation,
    );
    const measured = [...sent.live].every((slot) =>
      Object.is(version.get("waiting_requests")[slot], sent.columns.get("waiting_requests")[slot]),
    );
    if (version.live.length !== sent.live.length || !same || !measured)
      faults.push(`the table at revision ${version.rev} differs`);
  };
  const publish = () => {
    rev += 1;
    const snapshot = fakeSnapshot(
      [...pool].map(([slot, endpoint]) => ({ slot, ...endpoint })),
      { rev },
    );
    snapshots.set(rev, snapshot);
    wire.client.publish(snapshot);
  };
  const reconnect = async () => {
    epoch += 1;
    const events = { ...quiet, violation: (error: Error) => faults.push(error.message) };
    wire = await connect(plugin, { token: "", epoch, events });
    wire.client.publish(snapshots.get(rev)!);
  };
  const freeSlot = () => {
    for (let slot = 0; ; slot += 1) {
      const freed = freedAtRev.get(slot) ?? 0;
      if (!pool.has(slot) && wire.client.ackedRev >= freed) return slot;
    }
  };
  const call = (n: number) => {
    const made = snapshots.get(Math.max(1, rev - (n % 3)))!;
    const candidates = [...made.live].filter((_, i) => (n >> i) % 2 === 0);
    if (candidates.length === 0) return;
    lastCallId += 1;
    const scores = new Float32Array(candidates.length).fill(Number.NaN);
    const put = wire.client.score(scriptedInstance, fakeCall({ pool: made, candidates, callId: lastCallId }), scores);
    const check = () => {
      candidates.forEach((slot, i) => {
        const want = rateOf(made.at(slot)!.id);
        if (!Number.isNaN(scores[i])) checked += 1;
        if (!Number.isNaN(scores[i]) && scores[i] !== want)
          faults.push(`slot ${slot} of ${made.rev} got ${scores[i]}, not ${want}`);
      });
    };
    calls.push(
      put.then(check, (error: { code: string }) => {
        if (!["SCORER_UNAVAILABLE", "SCORER_SHED"].includes(error.code)) faults.push(`a call failed: ${error.code}`);
      }),
    );
  };
  const alter = (event: Extract<Event, { large: boolean }>) => {
    const { kind, n, large } = event;
    const slots = [...pool.keys()];
    const slot = slots[n % Math.max(1, slots.length)];
    if (kind === "add" && pool.size < 8) {
      lastId += 1;
      pool.set(freeSlot(), { id: `e${lastId}`, waiting_requests: n, labels: large ? longLabels : {} });
    } else if (slot !== undefined && kind === "remove") {
      pool.delete(slot);
      // Published with the next snapshot.
      freedAtRev.set(slot, rev + 1);
    } else if (slot !== undefined && kind === "restart") {
      pool.set(slot, { ...pool.get(slot)!, incarnation: n });
    } else if (slot !== undefined) {
      pool.set(slot, { ...pool.get(slot)!, waiting_requests: n % 5 === 0 ? Number.NaN : n });
    }
  };

  /** All that is under way arrives, and what follows from it. */
  const exchange = async () => {
    for (let idle = 0; idle < 3; idle += 1) {
      await turn();
      while (wire.deliver(0) || wire.answer(0)) idle = 0;
    }
  };

  snapshots.set(1, fakeSnapshot([], { rev: 1 }));
  await reconnect();
  return {
    async happens(event: Event): Promise<void> {
      switch (event.kind) {
        case "publish":
          return publish();
        case "exchange":
          return exchange();
        case "turn":
          return turn();
        case "forget":
          return plugin.forget();
        case "refuse":
          plugin.refuses = true;
          return;
        case "stall":
        case "wake":
          return wire.stall(event.kind === "stall");
        case "reconnect":
          wire.client.close();
          return reconnect();
        case "call":
          return call(event.n);
        case "deliver":
          wire.deliver(event.n);
          return;
        case "answer":
          wire.answer(event.n);
          return;
        case "add":
        case "remove":
        case "restart":
        case "measure":
          alter(event);
      }
    },
    /**
     * Everything arrives: the plugin has the last snapshot, all calls have been answered, nothing was wrong.
     * @returns how many scores there were.
     */
    async settles(): Promise<number> {
      plugin.refuses = false;
      wire.stall(false);
      for (let round = 0; round < 3; round += 1) {
        publish();
        await exchange();
      }
      expect(wire.client.ackedRev).toBe(rev);
      expect([plugin.version.epoch, plugin.version.rev]).toEqual([epoch, rev]);
      await Promise.all(calls);
      expect(wire.client.outstanding).toBe(0);
      wire.client.close();
      expect(faults).toEqual([]);
      return checked;
    },
  };
}

/** One ordered stream each way. */
async function connectSession(plugin: ModelPlugin, options: SessionOptions): Promise<Wire> {
  const toPlugin: Uint8Array[] = [];
  const toHost: ResponseFrame[] = [];
  let isStalled = false;
  const decoder = createFrameDecoder((message) => toPlugin.push(Uint8Array.from(message)));
  const channel = {
    write(bytes: Uint8Array) {
      decoder.push(Buffer.from(bytes));
      return !isStalled;
    },
    close() {},
  };
  const end: SessionEnd = createSession(channel, options);
  const answer = () => {
    const frame = toHost.shift();
    if (frame !== undefined) end.received(encodeResponse(frame));
    return frame !== undefined;
  };
  const deliver = () => {
    const message = toPlugin.shift();
    if (message !== undefined) toHost.push(...plugin.takes(fromBinary(SessionRequestSchema, message).frame));
    return message !== undefined;
  };
  await greet(end.client, () => deliver() && answer());
  return {
    client: end.client,
    deliver,
    answer,
    stall(stalled) {
      isStalled = stalled;
      if (!stalled) end.drained();
    },
  };
}

/** Calls that overtake each other on their way there and on their way back. */
async function connectUnary(plugin: ModelPlugin, options: SessionOptions): Promise<Wire> {
  const toPlugin: (() => void)[] = [];
  const toHost: (() => void)[] = [];
  const take = (queue: (() => void)[], n: number) => {
    const [run] = queue.splice(n % Math.max(1, queue.length), 1);
    run?.();
    return run !== undefined;
  };
  const caller = {
    subject: "model",
    call: (method: string, json: string) =>
      new Promise<UnaryReply>((resolve) => {
        toPlugin.push(() => {
          const body = Buffer.from(answerOf(plugin, method, json));
          toHost.push(() => resolve({ status: 200, body }));
        });
      }),
    close: async () => {},
  };
  const client = openReplication(caller, create(HandshakeResponseSchema, { scorers: [{ type: "t" }] }), 16, options);
  const wire = {
    client,
    deliver: (n: number) => take(toPlugin, n),
    answer: (n: number) => take(toHost, n),
    stall() {},
  };
  await greet(client, () => wire.deliver(0) && wire.answer(0));
  return wire;
}

function answerOf(plugin: ModelPlugin, method: string, json: string): string {
  if (method === "Configure") return "{}";
  if (method === "Score")
    return toJsonString(ScoreResponseSchema, plugin.scores(fromJsonString(ScoreRequestSchema, json)));
  const chunk = fromJsonString(PushStateRequestSchema, json);
  const response: PushStateResponse = plugin.applies(chunk) ?? create(PushStateResponseSchema, { epoch: chunk.epoch });
  return toJsonString(PushStateResponseSchema, response);
}

async function greet(client: SessionClient, move: () => boolean): Promise<void> {
  const asked = client.hello({ host: "outrider" });
  move();
  await asked;
  const configured = client.configure({
    instances: [{ id: 1, type: "t", granted: [{ key: "endpoint.labels" }] }],
    columns: modelColumns,
  });
  move();
  await configured;
}

const quiet = {
  answered: () => {},
  lateAnswer: () => {},
  resynced: () => {},
  health: () => {},
  table: () => {},
  writable: () => {},
  closed: () => {},
};

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
