import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine, EngineEvent, RequestResult } from "./contract.ts";
import { createEngine } from "./engine.ts";
import { parseEngineShape } from "./presets.ts";

/** One thing done to an engine, `gapMs` after the one before. */
type Action = { readonly gapMs: number } & (
  | { readonly kind: "submit"; promptTokens: number; outputTokens: number; family: number; stream: boolean }
  | { readonly kind: "abort"; readonly nth: number }
  | { readonly kind: "look" }
);

const gapMs = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 400, noNaN: true }));
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      gapMs,
      promptTokens: fc.integer({ min: 1, max: 300 }),
      outputTokens: fc.integer({ min: 1, max: 120 }),
      family: fc.nat(3),
      stream: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), gapMs, nth: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("look" as const), gapMs }) },
);
const actions = fc.array(action, { maxLength: 60 });
const limits = fc.record({
  kvTokens: fc.integer({ min: 448, max: 1200 }),
  maxRunning: fc.integer({ min: 1, max: 8 }),
  maxBatchTokens: fc.integer({ min: 16, max: 256 }),
});
type Limits = { readonly kvTokens: number; readonly maxRunning: number; readonly maxBatchTokens: number };

describe("an engine, whatever is done to it", () => {
  it("keeps its bounds, ends every request exactly once and leaks no block", () => {
    fc.assert(fc.property(limits, actions, checkInvariants), { numRuns: 300 });
  });

  it("tells the same story however often it is looked at", () => {
    fc.assert(fc.property(limits, actions, fc.double({ min: 1, max: 60, noNaN: true }), checkLooking), {
      numRuns: 150,
    });
  });

  it("takes many steps at once as it takes them one by one", () => {
    fc.assert(fc.property(limits, actions, checkSingleSteps), { numRuns: 150 });
  });
});

function checkInvariants(bounds: Limits, list: readonly Action[]): void {
  const engine = open(bounds);
  const check = () => {
    const { running, usedBlocks, totalBlocks } = engine.stats();
    expect(running).toBeLessThanOrEqual(bounds.maxRunning);
    expect(usedBlocks).toBeLessThanOrEqual(totalBlocks);
  };
  const { events, accepted, aborted } = play(engine, list, { check });
  const done = events.filter(({ kind }) => kind === "done").map(({ id }) => id);
  expect([...done, ...aborted].sort(ascending)).toEqual([...accepted.keys()].sort(ascending));
  expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, usedBlocks: 0 });
  expect(engine.stats()).toMatchObject({ completed: done.length, aborted: aborted.length });
  expect(engine.nextStepAtMs()).toBe(Number.POSITIVE_INFINITY);
  for (const id of done) checkTokens(id, accepted.get(id)!, events);
}

function checkTokens(
  id: number,
  submitted: Action & { readonly kind: "submit" },
  events: readonly EngineEvent[],
): void {
  const own = events.filter((event) => event.id === id);
  let tokens = 0;
  for (const event of own) tokens += event.kind === "tokens" ? event.count : event.kind === "first_token" ? 1 : 0;
  expect(tokens).toBe(submitted.stream ? submitted.outputTokens : 1);
  const last = own.at(-1)!;
  if (last.kind !== "done") throw new Error(`request ${id} ends with ${last.kind}`);
  expect(last.result.cachedTokens).toBeLessThan(submitted.promptTokens);
  expect(last.result.submittedMs).toBeLessThanOrEqual(last.result.admittedMs);
  expect(last.result.admittedMs).toBeLessThan(last.result.firstTokenMs);
  expect(last.result.firstTokenMs).toBeLessThanOrEqual(last.result.doneMs);
}

function checkLooking(bounds: Limits, list: readonly Action[], lookEveryMs: number): void {
  expect(results(play(open(bounds), list, { lookEveryMs }))).toEqual(results(play(open(bounds), list, {})));
}

/** Times may differ by rounding: a boundary is a closed form of its run's start. */
function checkSingleSteps(bounds: Limits, list: readonly Action[]): void {
  const many = results(play(open(bounds), list, {}));
  const single = results(play(open(bounds), list, { singleSteps: true }));
  expect(single.map(({ cachedTokens, preemptions }) => ({ cachedTokens, preemptions }))).toEqual(
    many.map(({ cachedTokens, preemptions }) => ({ cachedTokens, preemptions })),
  );
  for (const [i, { doneMs }] of many.entries()) expect(single[i].doneMs).toBeCloseTo(doneMs, 6);
}

function results({ events }: ReturnType<typeof play>): readonly RequestResult[] {
  return events.flatMap((event) => (event.kind === "done" ? [event.result] : []));
}

function open(bounds: Limits): Engine {
  return createEngine({ ...parseEngineShape("qwen3-32b:h100:2"), ...bounds });
}

/** How an engine is driven: looked at in between, or kept from taking several steps at once. */
interface Driving {
  readonly check?: () => void;
  readonly lookEveryMs?: number;
  readonly singleSteps?: boolean;
}

/** Does it all, then lets the engine come to rest. */
function play(engine: Engine, list: readonly Action[], driving: Driving) {
  const { check = () => {}, lookEveryMs = Number.POSITIVE_INFINITY, singleSteps = false } = driving;
  const events: EngineEvent[] = [];
  const accepted = new Map<number, Action & { readonly kind: "submit" }>();
  const aborted: number[] = [];
  let nowMs = 0;
  const advanceTo = (untilMs: number) => {
    do {
      nowMs = Math.min(untilMs, nowMs + lookEveryMs, Math.max(nowMs, engine.nextStepAtMs()));
      events.push(...engine.step(nowMs));
      if (singleSteps) engine.setSlowdown(1, nowMs);
      check();
    } while (nowMs < untilMs);
  };
  list.forEach((action, id) => {
    advanceTo(nowMs + action.gapMs);
    if (action.kind === "submit") {
      if (engine.submit({ id, ...action, blockKeys: keysOf(action) }, nowMs) === "queued") accepted.set(id, action);
    } else if (action.kind === "abort" && engine.abort(action.nth, nowMs)) aborted.push(action.nth);
    check();
  });
  while (engine.nextStepAtMs() !== Number.POSITIVE_INFINITY) advanceTo(engine.nextStepAtMs());
  return { events, accepted, aborted };
}

function keysOf({ family, promptTokens }: { family: number; promptTokens: number }): Float64Array {
  return Float64Array.from({ length: Math.floor(promptTokens / 16) }, (_, i) => family * 1000 + i);
}

function ascending(a: number, b: number): number {
  return a - b;
}
