import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { CycleCall, EndpointSnapshot, FeedbackEvent } from "@outrider/core/contract";
import { createRandom } from "@outrider/core/contract";
import {
  type ChildAddress,
  createChildAddress,
  createInlineProducer,
  createInlineScorer,
  diffEndpoints,
  type GuardedProcess,
  openSession,
  reachChild,
  type SessionClient,
  spawnGuarded,
  toGuardedCommand,
  type WireInstance,
} from "@outrider/transport";
import { type FakeEndpoint, fakeCall, fakeNowMs, fakeSnapshot } from "@outrider/transport/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installGoForSdk } from "../../clients/go-sdk.ts";
import { formula, learned, made } from "./parity-types.ts";

const callCount = 5_000;
const columns = ["waiting_requests", "running_requests", "kv_cache_usage", "inflight_requests"];
const data = [
  { id: 90, key: "data.uncached_tokens" },
  { id: 91, key: "data.prefix_total_blocks" },
];
const definitions = [formula, learned, made] as const;
const instances: readonly WireInstance[] = definitions.map(({ type, needs }, i) => ({
  id: i + 1,
  name: type,
  granted: needs.map((need) => (typeof need === "string" ? { key: need } : need)),
  data,
  produces: i === 2 ? made.produces : [],
}));

const folder = mkdtempSync(join(tmpdir(), "outrider-"));
const faults: string[] = [];
let address: ChildAddress;
let child: GuardedProcess;

beforeAll(async () => {
  const go = await installGoForSdk();
  const program = await go.build("testplugin");
  address = await createChildAddress(folder, "p.sock");
  child = spawnGuarded(toGuardedCommand({ command: [program], cwd: folder, env: {} }, address));
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => faults.push(`${chunk}`));
  const where = await reachChild(address, 20_000, { elapsedMs: () => performance.now() }, (ms) => sleep(ms));
  expect(where, faults.join("")).toBe("socket");
}, 300_000);
afterAll(async () => {
  await child?.terminate(5_000);
  rmSync(folder, { recursive: true, force: true });
});

describe("scorers in Go", () => {
  it(`give the bits of the same ones inline over ${callCount} calls with changes, feedback and reconnects`, async () => {
    const inline = openInline();
    const random = createRandom(20_261_122);
    let pool: readonly FakeEndpoint[] = [];
    let snapshot = fakeSnapshot([]);
    let session = await connect(1);
    let vetoes = 0;
    for (let i = 0; i < callCount; i += 1) {
      if (i % 600 === 599) {
        session.close();
        session = await connect(1 + i);
        await publish(session, snapshot);
      }
      if (i % 7 === 0) {
        pool = changed(pool, random);
        snapshot = fakeSnapshot(pool, { takenAtMs: fakeNowMs + i * 3.7 });
        inline.learn(snapshot);
        await publish(session, snapshot);
      }
      const [calls, same] = [toCalls(snapshot, i), toCalls(snapshot, i)];
      expect(await ask(session, calls), `call ${i}`).toEqual(await inline.ask(same));
      expect(calls[0].vetoed ?? [], `vetoes of call ${i}`).toEqual(same[0].vetoed ?? []);
      vetoes += same[0].vetoed?.reduce((sum, bit) => sum + bit, 0) ?? 0;
      if (i % 3 === 0) {
        const event = toPicked(calls[1], random);
        inline.feedback(event);
        session.feedback([{ instance: 2, event }], 0);
      }
      expect(faults).toEqual([]);
    }
    expect(vetoes).toBeGreaterThan(100);
    session.close();
  });
});

/** Opens a Session and configures all instances. */
async function connect(epoch: number): Promise<SessionClient> {
  const ignore = () => {};
  const broken = (error: Error) => void faults.push(error.message);
  const others = {
    answered: ignore,
    lateAnswer: ignore,
    health: ignore,
    table: ignore,
    writable: ignore,
    closed: ignore,
  };
  const events = { ...others, violation: broken, resynced: broken };
  const session = openSession({ kind: "socket", path: address.socketPath }, { token: address.token, epoch, events });
  await session.hello({ hostInstance: "parity" });
  const { errors } = await session.configure({
    instances: instances.map(({ id, name, granted }) => ({
      id,
      type: name,
      granted: granted.map(({ key }) => ({ key })),
      data,
    })),
    columns: columns.map((key, i) => ({ id: i + 1, key })),
  });
  expect(errors).toEqual([]);
  return session;
}

async function publish(session: SessionClient, snapshot: EndpointSnapshot): Promise<void> {
  session.publish(snapshot);
  while (session.ackedRev !== snapshot.rev && faults.length === 0) await turn();
}

/** Endpoints that change, restart, leave, and come back as others in their slots. */
function changed(before: readonly FakeEndpoint[], random: () => number): readonly FakeEndpoint[] {
  const kept = new Map(before.filter(() => random() > 0.05).map((endpoint) => [endpoint.slot, endpoint]));
  const next: FakeEndpoint[] = [];
  for (let slot = 0; slot < 40; slot += 1) {
    const old = kept.get(slot);
    if (old === undefined && random() > 0.3) continue;
    const { id = `vllm-${Math.floor(random() * 1e6)}`, incarnation = 0 } = old ?? {};
    next.push({
      slot,
      id,
      incarnation: incarnation + (random() < 0.02 ? 1 : 0),
      ...(random() < 0.9 ? { waiting_requests: Math.floor(random() * 20) } : {}),
      ...(random() < 0.9 ? { running_requests: random() * 50 } : {}),
      ...(random() < 0.9 ? { kv_cache_usage: random() } : {}),
      ageMs: Math.floor(random() * 500),
    });
  }
  return next;
}

/** A call to each instance. */
type Calls = readonly [CycleCall, CycleCall, CycleCall];

/** Calls of decision `i`: what is random in them comes of its number, so that both sides can have their own. */
function toCalls(snapshot: EndpointSnapshot, i: number): Calls {
  return [toCall(snapshot, i, 3 * i), toCall(snapshot, i, 3 * i + 1), toCall(snapshot, i, 3 * i + 2)];
}

function toCall(snapshot: EndpointSnapshot, i: number, callId: number): CycleCall {
  const own = createRandom(i);
  const live = Array.from(snapshot.live);
  const some = live.filter(() => own() < 0.7);
  const candidates = i % 4 === 0 || some.length === 0 ? live : some;
  const counts = () => Float32Array.from({ length: snapshot.slotCount }, () => Math.floor(own() * 4));
  return fakeCall({
    pool: snapshot,
    candidates,
    inflight: { requests: counts(), promptTokens: counts(), outputTokens: counts() },
    data: { "data.uncached_tokens": candidates.map(() => (own() < 0.2 ? Number.NaN : own() * 1000)) },
    request: { sessionKey: "s".repeat(i % 5), promptTokens: i },
    callId,
    seed: Math.floor(own() * 2 ** 32),
    nowMs: snapshot.takenAtMs + own() * 100,
    profile: i % 2 === 0 ? "prefill" : "decode",
  });
}

function toPicked({ callId, candidates, nowMs }: CycleCall, random: () => number): FeedbackEvent {
  const slot = candidates[Math.floor(random() * candidates.length)]!;
  const scores = { ownScore: Math.fround(random()), totalScore: 1, fallback: false };
  return { kind: "picked", callId, slot, atMs: nowMs, ...scores, promptTokens: 1, picks: [] };
}

const fresh = (call: CycleCall) =>
  Array.from({ length: 4 }, () => new Float32Array(call.candidates.length).fill(Number.NaN));

async function ask(session: SessionClient, calls: Calls) {
  const arrays = fresh(calls[0]);
  const [reason] = await Promise.all([
    session.score(instances[0]!, calls[0], arrays[0]!),
    session.score(instances[1]!, calls[1], arrays[1]!),
    session.produce(instances[2]!, calls[2], arrays.slice(2)),
  ]);
  return { arrays, reason };
}

function openInline() {
  const scorers = [formula, learned].map((definition) => createInlineScorer(definition, undefined, definition.type));
  const producer = createInlineProducer(made, undefined, made.type);
  let known: EndpointSnapshot | undefined;
  return {
    learn(next: EndpointSnapshot) {
      const change = diffEndpoints(known, next);
      for (const instance of [...scorers, producer]) instance.endpointsChanged(change);
      known = next;
    },
    async ask(calls: Calls) {
      const arrays = fresh(calls[0]);
      const reason = await scorers[0]!.score(calls[0], arrays[0]!);
      await scorers[1]!.score(calls[1], arrays[1]!);
      await producer.produce(calls[2], arrays.slice(2));
      return { arrays, reason };
    },
    feedback: (event: FeedbackEvent) => scorers[1]!.feedback?.(event),
  };
}
