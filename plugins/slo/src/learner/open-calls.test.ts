import { describe, expect, it } from "vitest";
import { createOpenCalls } from "./open-calls.ts";

function open(limitBytes: number) {
  const dropped: number[] = [];
  const calls = createOpenCalls<{ atMs: number; bytes: number; id: number }>(limitBytes, ({ id }) => dropped.push(id));
  return { calls, dropped, put: (id: number, bytes = 10) => calls.put(id, { id, bytes, atMs: id }) };
}

describe("open calls", () => {
  it("drop the oldest beyond their memory, and tell", () => {
    const { calls, dropped, put } = open(30);
    for (const id of [1, 2, 3, 4, 5]) put(id);
    expect(dropped).toEqual([1, 2]);
    expect(calls.size).toBe(3);
  });

  it("keep one call of any size", () => {
    const { calls, dropped, put } = open(30);
    put(1);
    put(2, 1_000);
    expect([dropped, calls.get(2)?.id, calls.size]).toEqual([[1], 2, 1]);
  });

  it("drop what is too old", () => {
    const { calls, dropped, put } = open(1_000);
    for (const id of [1, 2, 3]) put(id);
    calls.expire(3);
    expect([dropped, calls.size]).toEqual([[1, 2], 1]);
  });

  it("count an id that comes again from then on, and not what was taken", () => {
    const { calls, dropped, put } = open(20);
    put(1);
    put(1);
    expect(dropped).toEqual([1]);
    expect(calls.take(1)?.id).toBe(1);
    expect(calls.take(1)).toBeUndefined();
    put(2);
    put(3);
    expect([dropped, calls.size]).toEqual([[1], 2]);
  });
});
