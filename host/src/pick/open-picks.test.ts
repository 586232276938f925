import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createDeadlineSweep } from "../doors/deadlines.ts";
import { createFakeScheduler } from "../doors/testing/fake-scheduler.ts";
import type { Routed } from "../scheduling/types.ts";
import { IncomingPick } from "./incoming-pick.ts";
import { createPickMetrics } from "./metrics.ts";
import { createOpenPicks } from "./open-picks.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const request = new IncomingPick({
  path: "/",
  body: undefined,
  subset: undefined,
  given: undefined,
  headers: [],
});

/** Room for two picks of a second each. */
function open() {
  const registry = new Registry();
  const scheduler = createFakeScheduler();
  const metrics = createPickMetrics(registry);
  const picks = createOpenPicks({ maxOpen: 2, timeoutMs: 1000, sweep: createDeadlineSweep(50), metrics });
  const add = (decisionId: string) => {
    picks.reserve();
    picks.add({ ...(scheduler.decide(request) as Routed), decisionId });
  };
  return { picks, add, seen: scheduler.seen, text: () => registry.metrics() };
}

it("keeps places for as many picks as allowed, those being decided too", () => {
  const { picks, add } = open();
  add("a");
  expect([picks.reserve(), picks.reserve(), picks.count]).toEqual([true, false, 2]);
  picks.giveBack();
  expect([picks.reserve(), picks.count]).toEqual([true, 2]);
  picks.giveBack();
  picks.take("a");
  expect(picks.count).toBe(0);
});

it("gives a pick out once, and not to its deadline after that", () => {
  const { picks, add, seen } = open();
  add("a");
  expect([picks.take("b"), picks.take("a")?.decisionId, picks.take("a")]).toEqual([undefined, "a", undefined]);
  vi.advanceTimersByTime(5000);
  expect(seen[0]?.causes).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it("ends a pick that nobody completes as unknown, and counts it", async () => {
  const { picks, add, seen, text } = open();
  add("a");
  expect(await text()).toContain("outrider_pick_open 1");
  vi.advanceTimersByTime(900);
  expect(seen[0]?.causes).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(seen[0]?.causes).toEqual(["unknown"]);
  expect([picks.count, picks.take("a")]).toEqual([0, undefined]);
  expect(await text()).toMatch(/outrider_pick_open 0\n[\s\S]*outrider_pick_expired_total 1\n/);
});

it("ends all that is open", () => {
  const { picks, add, seen } = open();
  for (const id of ["a", "b"]) add(id);
  picks.endAll("unknown");
  expect(seen.map(({ causes }) => causes)).toEqual([["unknown"], ["unknown"]]);
  expect(picks.count).toBe(0);
});
