import { setImmediate as turn } from "node:timers/promises";
import { type DecodedCall, noFacts } from "@outrider/transport";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createCallQueue } from "./call-queue.ts";
import type { PendingCall } from "./served-instance.ts";

it("answers each call once, whatever is cancelled, late or slow, and never runs too many", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("put" as const), isSlow: fc.boolean(), budgetMs: fc.nat(5) }),
    fc.record({ kind: fc.constant("cancel" as const), callId: fc.nat(30) }),
    fc.record({ kind: fc.constant("end" as const), callId: fc.nat(30) }),
    fc.record({ kind: fc.constant("tick" as const), ms: fc.nat(3) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 60 }), async (most, steps) => {
      const rig = createRig(most);
      for (const next of steps) {
        if (next.kind === "put") rig.put(next.isSlow, next.budgetMs);
        else if (next.kind === "cancel") rig.queue.cancel(({ call }) => call.callId === next.callId);
        else if (next.kind === "end") await rig.end(next.callId);
        else rig.time.nowMs += next.ms;
        expect(rig.running.size).toBeLessThanOrEqual(most);
      }
      rig.time.nowMs += 10;
      for (let callId = 0; callId < rig.count; callId += 1) await rig.end(callId);
      expect(rig.answers.map(([callId]) => callId).sort((a, b) => a - b)).toEqual(
        Array.from({ length: rig.count }, (_, i) => i),
      );
      expect(rig.queue.load).toBe(0);
    }),
    { numRuns: 200 },
  );
});

it("answers a call whose budget ends while it waits, though nothing else happens", async () => {
  const rig = createRig(1);
  rig.put(true, 0);
  rig.put(false, 5);
  rig.time.nowMs = 6;
  await expect.poll(() => rig.answers).toEqual([[1, "deadline_exceeded"]]);
});

it("gives up a call that is cancelled, and starts no other in its place before it ends", async () => {
  const rig = createRig(1);
  rig.put(true, 0);
  rig.put(false, 0);
  rig.queue.cancel(({ call }) => call.callId === 0);
  expect(rig.answers).toEqual([[0, "deadline_exceeded"]]);
  await turn();
  expect([...rig.running]).toEqual([0]);
  await rig.end(0);
  expect(rig.answers).toEqual([
    [0, "deadline_exceeded"],
    [1, "done"],
  ]);
});

it("refuses what no host with credit would send", () => {
  const rig = createRig(1);
  rig.put(true, 0);
  for (let i = 0; i < 4_097; i += 1) rig.put(false, 0);
  expect(rig.answers).toEqual([[4_097, "resource_exhausted"]]);
});

/** A queue whose calls end when they are told to; `budgetMs` 0 = none. */
function createRig(maxConcurrency: number) {
  const ends = new Map<number, () => void>();
  const running = new Set<number>();
  const answers: (readonly [callId: number, how: string])[] = [];
  const slow = new Set<number>();
  const run = (pending: PendingCall) => {
    const { callId } = pending.call;
    if (!slow.has(callId)) {
      answers.push([callId, "done"]);
      return undefined;
    }
    running.add(callId);
    return new Promise<void>((resolve) => ends.set(callId, resolve)).then(() => {
      running.delete(callId);
      if (queue.finish(pending)) answers.push([callId, "done"]);
    });
  };
  const refuse = (
    { call }: PendingCall,
    result: { readonly kind: string; readonly error?: { readonly code: string } },
  ) => void answers.push([call.callId, result.error?.code ?? result.kind]);
  const time = { nowMs: 0 };
  const queue = createCallQueue({ maxConcurrency, clock: () => time.nowMs, run, refuse });
  const rig = {
    queue,
    time,
    count: 0,
    running,
    answers,
    put(isSlow: boolean, budgetMs: number) {
      const callId = rig.count;
      rig.count += 1;
      if (isSlow) slow.add(callId);
      const call: DecodedCall = { ...blank, callId, budgetUs: 1000 * budgetMs };
      queue.put({ call, cameAtMs: time.nowMs, caller: { isOpen: true, reply: () => {} } });
    },
    async end(callId: number) {
      ends.get(callId)?.();
      ends.delete(callId);
      await turn();
    },
  };
  return rig;
}

const blank = {
  instance: 1,
  epoch: 1,
  rev: 1,
  candidates: new Uint8Array(0),
  request: noFacts,
  nowMs: 0,
  seed: 0,
  profile: "",
  peers: [],
  data: [],
};
