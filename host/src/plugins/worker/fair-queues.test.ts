import { describe, expect, it } from "vitest";
import { createCallQueue, createTurns } from "./fair-queues.ts";

describe("a queue of calls", () => {
  it("hands them out in the order they came, however many", () => {
    const queue = createCallQueue<number>();
    const taken: number[] = [];
    for (let i = 0; i < 500; i += 1) {
      queue.push(i);
      if (i % 3 === 2) taken.push(queue.shift()!, queue.shift()!);
    }
    expect(queue.size).toBe(500 - taken.length);
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) taken.push(call);
    expect(taken).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect([queue.size, queue.peek()]).toEqual([0, undefined]);
  });
});

describe("turns", () => {
  it("pass on behind each call, over those who have one", () => {
    const turns = createTurns<string>();
    const waiting: Record<string, number> = { flood: 100, a: 2, b: 1, idle: 0 };
    const plugins = Object.keys(waiting);
    const order: (string | undefined)[] = [];
    for (let i = 0; i < 7; i += 1) {
      const plugin = turns.next(plugins, (name) => waiting[name]! > 0);
      waiting[plugin!]! -= 1;
      order.push(plugin);
    }
    expect(order).toEqual(["flood", "a", "b", "flood", "a", "flood", "flood"]);
    expect(turns.next(plugins, () => false)).toBeUndefined();
  });

  it("go on where plugins come and go", () => {
    const turns = createTurns<string>();
    const all = () => true;
    expect(turns.next(["a", "b", "c"], all)).toBe("a");
    expect(turns.next(["a", "b", "c"], all)).toBe("b");
    expect(turns.next(["a", "c"], all)).toBe("a");
    expect(turns.next(["a", "c", "d"], all)).toBe("c");
    expect(turns.next([], all)).toBeUndefined();
  });
});
