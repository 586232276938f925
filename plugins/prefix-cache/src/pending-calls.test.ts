import { expect, it } from "vitest";
import { createPendingCalls, type PendingCall } from "./pending-calls.ts";

const call = (blocks: number): PendingCall => ({
  hashes: new Uint32Array(2 * blocks),
  count: blocks,
  room: 0,
  blockSizeTokens: 64,
  profile: "default",
});

it("gives a call once", () => {
  const calls = createPendingCalls(10_000);
  const first = call(1);
  calls.put(7, first);
  expect(calls.take(7)).toBe(first);
  expect(calls.take(7)).toBeUndefined();
});

it("drops the oldest calls beyond its memory, never the newest", () => {
  const calls = createPendingCalls(10_000);
  for (let id = 0; id < 1_000; id++) calls.put(id, call(10));
  expect(calls.size).toBe(Math.floor(10_000 / 280));
  expect(calls.take(999)).toBeDefined();
  expect(calls.take(0)).toBeUndefined();
  calls.put(1_000, call(100_000));
  expect(calls.size).toBe(1);
  calls.put(1_001, call(1));
  expect(calls.size).toBe(1);
});

it("counts an id that comes again from then on, once", () => {
  const calls = createPendingCalls(600);
  calls.put(1, call(1));
  calls.put(2, call(1));
  calls.put(1, call(2));
  expect(calls.size).toBe(2);
  calls.put(3, call(1));
  expect([calls.take(2), calls.take(1)?.count]).toEqual([undefined, 2]);
});
