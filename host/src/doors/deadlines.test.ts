import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDeadlineSweep, defaultPhaseDeadlines, tickFor } from "./deadlines.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function createGuarded() {
  const overdue = vi.fn();
  return { dueMs: 0, overdue };
}

describe("a deadline", () => {
  it("is met by the tick behind it, again at each tick until it is moved", () => {
    const sweep = createDeadlineSweep(10);
    const guarded = createGuarded();
    sweep.add(guarded, 25);
    vi.advanceTimersByTime(20);
    expect(guarded.overdue).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(20);
    expect(guarded.overdue).toHaveBeenCalledTimes(2);
    guarded.dueMs = Number.POSITIVE_INFINITY;
    vi.advanceTimersByTime(100);
    expect(guarded.overdue).toHaveBeenCalledTimes(2);
  });

  it("counts from now where nothing was open for long", () => {
    const sweep = createDeadlineSweep(10);
    vi.advanceTimersByTime(60_000);
    const guarded = createGuarded();
    sweep.add(guarded, 25);
    vi.advanceTimersByTime(20);
    expect(guarded.overdue).not.toHaveBeenCalled();
  });

  it("is no longer met once removed, and no timer runs then", () => {
    const sweep = createDeadlineSweep(10);
    const guarded = createGuarded();
    sweep.add(guarded, 5);
    sweep.remove(guarded);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(100);
    expect(guarded.overdue).not.toHaveBeenCalled();
  });
});

it("looks ten times within the shortest deadline, and at least four times a second", () => {
  expect(tickFor(defaultPhaseDeadlines)).toBe(250);
  expect(tickFor({ ...defaultPhaseDeadlines, decisionMs: 1000 })).toBe(100);
});
