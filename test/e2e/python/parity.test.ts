import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CycleCall, EndpointSnapshot, FeedbackEvent } from "@outrider/core/contract";
import { createRandom } from "@outrider/core/contract";
import {
  createInlineProducer,
  createInlineScorer,
  diffEndpoints,
  type SessionClient,
  type WireInstance,
} from "@outrider/transport";
import { type FakeEndpoint, fakeCall, fakeNowMs, fakeSnapshot } from "@outrider/transport/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installPythonSdk } from "../../clients/python.ts";
import { formula, learned, made } from "./parity.ts";
import { type PythonProcess, startPython } from "./python-process.ts";

const callCount = 3_000;
const file = fileURLToPath(new URL("plugins/parity.py", import.meta.url));
const columns = ["waiting_requests", "running_requests", "kv_cache_usage", "inflight_requests"].map((key, i) => ({
  id: i + 1,
  key,
  unit: "",
}));
const data = [
  { id: 90, key: "data.uncached_tokens" },
  { id: 91, key: "data.prefix_total_blocks" },
];
const granted = [...formula.needs, ...learned.needs, "veto"].map((key) => ({ key: key as "veto" }));
const instances: readonly WireInstance[] = [
  { id: 1, name: "formula", granted, data, produces: [] },
  { id: 2, name: "learned", granted, data, produces: [] },
  { id: 3, name: "made", granted, data, produces: made.produces },
];
const types = [formula.type, learned.type, made.type];

let plugin: PythonProcess;
beforeAll(async () => {
  const { python } = installPythonSdk("bare", [], ["pytest==9.2.0"]);
  plugin = await startPython(python, file);
}, 600_000);
afterAll(() => plugin?.close());

describe("a scorer in Python", () => {
  it(`gives the bits of the same scorer inline over ${callCount} calls, with changes, feedback and reconnects`, async () => {
    const inline = openInline();
    const random = createRandom(20_261_122);
    let pool: FakeEndpoint[] = [];
    let snapshot: EndpointSnapshot | undefined;
    let session = await connect(1);
    let vetoes = 0;
    for (let i = 0; i < callCount; i += 1) {
      if (i % 600 === 599) {
        session.close();
        session = await connect(2 + i);
        if (snapshot !== undefined) await publish(session, snapshot);
      }
      if (i % 7 === 0 || snapshot === undefined) {
        pool = changed(pool, random);
        snapshot = fakeSnapshot(pool, { takenAtMs: fakeNowMs + i * 3.7 });
        inline.learn(snapshot);
        await publish(session, snapshot);
      }
      const calls = toCalls(snapshot, i);
      const python = await askPython(session, calls);
      expect(python, `call ${i}`).toEqual(await inline.ask(toCalls(snapshot, i)));
      vetoes += python.vetoed.length;
      if (i % 3 === 0) {
        const event = toPicked(calls[1], random);
        inline.feedback(event);
        expect(session.feedback([{ instance: 2, event }], 0)).toBe(true);
      }
      expect([...plugin.broken, ...plugin.output]).toEqual([]);
    }
    expect(vetoes).toBeGreaterThan(100);
    session.close();
  }, 120_000);
});

async function connect(epoch: number): Promise<SessionClient> {
  const session = plugin.open(epoch);
  await session.hello({ hostInstance: "parity" }, 10_000);
  const wanted = instances.map(({ id }, i) => ({ id, type: types[i]!, granted, data }));
  expect((await session.configure({ instances: wanted, columns }, 10_000)).errors).toEqual([]);
  return session;
}

async function publish(session: SessionClient, snapshot: EndpointSnapshot): Promise<void> {
  session.publish(snapshot);
  while (session.ackedRev !== snapshot.rev) await turn();
}

/** Endpoints that change, restart, leave, and come back as others in their slots. */
function changed(before: readonly FakeEndpoint[], random: () => number): FakeEndpoint[] {
  const pool = before.filter(() => random() > 0.05);
  const taken = new Set(pool.map(({ slot }) => slot));
  const free = Array.from({ length: 40 }, (_, slot) => slot).filter((slot) => !taken.has(slot));
  const fresh = free
    .filter(() => random() < (pool.length < 5 ? 0.5 : 0.05))
    .map((slot): FakeEndpoint => ({ slot, id: `vllm-${Math.floor(random() * 1e6)}` }));
  return [...pool, ...fresh]
    .sort((a, b) => a.slot! - b.slot!)
    .map((endpoint) => ({
      ...endpoint,
      incarnation: (endpoint.incarnation ?? 0) + (random() < 0.02 ? 1 : 0),
      ...(random() < 0.9 ? { waiting_requests: Math.floor(random() * 20) } : {}),
      ...(random() < 0.9 ? { running_requests: random() * 50 } : {}),
      ...(random() < 0.9 ? { kv_cache_usage: random() } : {}),
      ageMs: Math.floor(random() * 500),
    }));
}

type Calls = readonly [toFormula: CycleCall, toLearned: CycleCall, toProducer: CycleCall];

/** The calls of decision `i`: what is random in them comes of its number, so that both sides can have their own. */
function toCalls(snapshot: EndpointSnapshot, i: number): Calls {
  const random = createRandom(i);
  const live = Array.from(snapshot.live);
  const some = live.filter(() => random() < 0.7);
  const candidates = i % 4 === 0 || some.length === 0 ? live : some;
  const counts = () => Float32Array.from({ length: snapshot.slotCount }, () => Math.floor(random() * 4));
  const options = {
    pool: snapshot,
    candidates,
    inflight: { requests: counts(), promptTokens: counts(), outputTokens: counts() },
    data: { "data.uncached_tokens": candidates.map(() => (random() < 0.2 ? Number.NaN : random() * 1000)) },
    request: { sessionKey: "s".repeat(i % 5), promptTokens: i },
    seed: Math.floor(random() * 2 ** 32),
    nowMs: snapshot.takenAtMs + random() * 100,
    profile: i % 2 === 0 ? "prefill" : "decode",
  };
  const toCall = (n: number) => fakeCall({ ...options, callId: 3 * i + n });
  return [toCall(0), toCall(1), toCall(2)];
}

function toPicked(call: CycleCall, random: () => number): FeedbackEvent {
  const slot = call.candidates[Math.floor(random() * call.candidates.length)]!;
  const scores = { ownScore: random() < 0.1 ? Number.NaN : random(), totalScore: random(), fallback: false };
  return { kind: "picked", callId: call.callId, slot, atMs: call.nowMs, ...scores, promptTokens: 1, picks: [] };
}

/** What came of the calls of a decision. */
interface Outcome {
  /** Scores of both scorers and values of the producer; -1 = none, which neither of them gives. */
  readonly numbers: readonly (readonly number[])[];
  /** Positions that the formula vetoed. */
  readonly vetoed: readonly number[];
  readonly reason: unknown;
}

const toArrays = ([call]: Calls) =>
  Array.from({ length: 4 }, () => new Float32Array(call.candidates.length).fill(Number.NaN));

function toOutcome(arrays: readonly Float32Array[], [{ vetoed }]: Calls, reason: unknown): Outcome {
  return {
    numbers: arrays.map((values) => Array.from(values, (value) => (Number.isNaN(value) ? -1 : value))),
    vetoed: Array.from(vetoed ?? []).flatMap((isVetoed, position) => (isVetoed === 1 ? [position] : [])),
    reason,
  };
}

async function askPython(session: SessionClient, calls: Calls): Promise<Outcome> {
  const arrays = toArrays(calls);
  const [reason] = await Promise.all([
    session.score(instances[0]!, calls[0], arrays[0]!),
    session.score(instances[1]!, calls[1], arrays[1]!),
    session.produce(instances[2]!, calls[2], arrays.slice(2)),
  ]);
  return toOutcome(arrays, calls, reason);
}

function openInline() {
  const scorers = [formula, learned].map((definition) => createInlineScorer(definition, undefined, definition.type));
  const producer = createInlineProducer(made, undefined, made.type);
  let snapshot: EndpointSnapshot | undefined;
  return {
    learn(next: EndpointSnapshot) {
      const change = diffEndpoints(snapshot, next);
      for (const instance of [...scorers, producer]) instance.endpointsChanged(change);
      snapshot = next;
    },
    async ask(calls: Calls): Promise<Outcome> {
      const arrays = toArrays(calls);
      const reason = await scorers[0]!.score(calls[0], arrays[0]!);
      await scorers[1]!.score(calls[1], arrays[1]!);
      await producer.produce(calls[2], arrays.slice(2));
      return toOutcome(arrays, calls, reason);
    },
    feedback: (event: FeedbackEvent) => scorers[1]!.feedback?.(event),
  };
}
