import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createPump, type Pumped } from "./pump.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

it("advances an engine when it has something to deliver, and not before", () => {
  const { pump, engine, deliveries } = start(0);
  engine.dueMs = 50;
  pump.wake(engine);
  vi.advanceTimersByTime(49);
  expect(deliveries).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(deliveries).toEqual([50]);
});

it("rings earlier when an engine is woken for something earlier", () => {
  const { pump, engine, deliveries } = start(0);
  engine.dueMs = 50;
  pump.wake(engine);
  engine.dueMs = 10;
  pump.wake(engine);
  vi.advanceTimersByTime(10);
  expect(deliveries).toEqual([10]);
});

it("delivers at most once a tick", () => {
  const { pump, engine, deliveries } = start(5, 1);
  engine.dueMs = 1;
  pump.wake(engine);
  vi.advanceTimersByTime(20);
  expect(deliveries).toEqual([1, 6, 11, 16]);
});

it("rests while all engines are idle", () => {
  const { pump, engine, deliveries } = start(0);
  pump.wake(engine);
  expect(vi.getTimerCount()).toBe(0);
  expect(deliveries).toEqual([]);
});

/** A pump with one engine, which after each delivery has the next `everyMs` later. */
function start(tickMs: number, everyMs = Number.POSITIVE_INFINITY) {
  const pump = createPump(tickMs, () => performance.now());
  const startMs = performance.now();
  const now = () => performance.now() - startMs;
  const deliveries: number[] = [];
  const engine: Pumped & { dueMs: number } = {
    dueMs: Number.POSITIVE_INFINITY,
    advance() {
      deliveries.push(now());
      engine.dueMs = now() + everyMs;
    },
    untilNextMs: () => engine.dueMs - now(),
  };
  pump.add(engine);
  return { pump, engine, deliveries };
}
