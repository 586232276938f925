import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventQueue } from "./event-queue.ts";

describe("an event queue", () => {
  it("has nothing to give where nothing was added", () => {
    expect(new EventQueue().take()).toBeUndefined();
  });

  it("gives events by time, those of one time in the order in which they were added", () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant(undefined)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (added) => {
        const queue = new EventQueue();
        let waiting: { readonly atMs: number; readonly order: number }[] = [];
        let order = 0;
        for (const atMs of [...added, ...added.map(() => undefined)]) {
          if (atMs !== undefined) {
            waiting.push({ atMs, order: order++ });
            queue.add(atMs, () => {});
            continue;
          }
          const [next] = waiting.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order);
          waiting = waiting.filter((event) => event !== next);
          const taken = queue.take();
          expect(taken && { atMs: taken.atMs, order: taken.order }).toEqual(next);
        }
        expect(queue.size).toBe(waiting.length);
      }),
    );
  });
});
