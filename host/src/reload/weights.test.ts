import { createEndpointTable, createRequestFacts, rerun, runCycle, toFactNeeds } from "@outrider/core";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../plugins/fixtures/manual-clock.ts";
import { systemClock } from "../system-clock.ts";
import { openReload, type Reload, toText } from "./fixtures/open-reload.ts";
import { createWeights, type Weights } from "./weights.ts";

let reload: Reload;
let clock: ManualClock;
let weights: Weights;
beforeEach(async () => {
  reload = await openReload();
  clock = createManualClock();
  weights = createWeights(reload.inForce, clock, pino({ level: "silent" }));
});
afterEach(() => reload.close());

/** Weight of each scorer in the plan, `shadow` where it does not count. */
function planned() {
  const [profile] = reload.inForce.plan.profiles;
  return profile?.scorers.map(({ scorer, weight, shadow }) => [scorer.name, shadow ? "shadow" : weight]);
}

const minute = 60_000;

describe("weights for a limited time", () => {
  const bad: readonly {
    title: string;
    profile?: string;
    weights: Record<string, number>;
    ms?: number;
    want: RegExp;
  }[] = [
    { title: "a profile that is not there", profile: "x", weights: { queue: 1 }, want: /no profile x, only default/ },
    { title: "a scorer that is not there", weights: { quue: 1 }, want: /no scorer quue, only queue, kv/ },
    { title: "a negative weight", weights: { queue: -1 }, want: /from 0 to 1000000, is -1/ },
    { title: "a weight that is no number", weights: { queue: NaN }, want: /is NaN/ },
    { title: "a weight without end", weights: { queue: Infinity }, want: /is Infinity/ },
    { title: "no weights", weights: {}, want: /no weight is given/ },
    { title: "no time", weights: { queue: 1 }, ms: 0, want: /from 1 s to 24 h/ },
    { title: "a time that is no number", weights: { queue: 1 }, ms: NaN, want: /from 1 s to 24 h/ },
    { title: "more than a day", weights: { queue: 1 }, ms: 86_400_001, want: /from 1 s to 24 h/ },
  ];
  for (const { title, profile = "default", weights: wanted, ms = minute, want } of bad) {
    it(`refuse ${title}`, () => {
      const { plan } = reload.inForce;
      expect(() => weights.set(profile, new Map(Object.entries(wanted)), ms)).toThrow(want);
      expect(reload.inForce.plan).toBe(plan);
    });
  }

  it("refuse a scorer that is a shadow by the configuration", async () => {
    await reload.changes.noticed(
      reload.raw(toText().replace("type: queue-scorer", "type: queue-scorer, shadow: true")),
    );
    if (reload.changes.refused !== undefined) throw new Error(reload.changes.refused.message);
    expect(() => weights.set("default", new Map([["queue", 1]]), minute)).toThrow(/is a shadow by the configuration/);
  });

  it("count from the next decision on, in the same generation, and end by themselves", () => {
    weights.set("default", new Map([["queue", 2.5]]), minute);
    expect(planned()).toEqual([
      ["queue", 2.5],
      ["kv", 2],
    ]);
    expect(reload.inForce.generation).toBe(1);
    expect(reload.inForce.plan.generation).toBe(1);
    clock.advance(minute - 1);
    expect(planned()?.[0]).toEqual(["queue", 2.5]);
    clock.advance(1);
    expect(planned()?.[0]).toEqual(["queue", 1]);
    expect(weights.list().map(({ endsAtMs }) => endsAtMs)).toEqual([0, 0]);
  });

  it("of 0 have a scorer asked as a shadow, and never counted", () => {
    weights.set("default", new Map([["queue", 0]]), minute);
    expect(planned()).toEqual([
      ["queue", "shadow"],
      ["kv", 2],
    ]);
    expect(weights.list()).toEqual([
      { profile: "default", scorer: "queue", configured: 1, inForce: 0, endsAtMs: clock.nowMs() + minute },
      { profile: "default", scorer: "kv", configured: 2, inForce: 2, endsAtMs: 0 },
    ]);
  });

  it("are those of a decision's record, which agrees when it is decided again", async () => {
    weights.set("default", new Map(Object.entries({ queue: 0, kv: 3 })), minute);
    const { plan } = reload.inForce;
    const table = createEndpointTable({ epoch: 1 });
    table.setReady(table.upsert({ id: "default/a", address: "10.0.0.1:80", labels: {} }), true);
    const snapshot = table.publish(1);
    const facts = createRequestFacts({ path: "", header: () => undefined, body: undefined }, "r", {
      needs: toFactNeeds([]),
    });
    const candidates = snapshot.live.slice();
    const record = await runCycle({
      ...{ decisionId: "d", firstCallId: 1, seed: 1, plan, snapshot, candidates, facts, inflight: table.inflight },
      clock: systemClock,
    });
    const [profile] = record.profiles;
    expect(profile?.scorers.map(({ name, weight }) => [name, weight])).toEqual([["kv", 3]]);
    expect(profile?.shadows.map(({ name, weight }) => [name, weight])).toEqual([["queue", 0]]);
    expect(rerun(record, plan).difference).toBe("");
  });

  it("stand in the place of those that were set before, with their own time", () => {
    weights.set("default", new Map([["queue", 3]]), minute);
    weights.set("default", new Map([["kv", 4]]), 2 * minute);
    expect(planned()).toEqual([
      ["queue", 1],
      ["kv", 4],
    ]);
    clock.advance(minute);
    expect(planned()?.[1]).toEqual(["kv", 4]);
    clock.advance(minute);
    expect(planned()?.[1]).toEqual(["kv", 2]);
  });

  it("end early when they are cleared, which says whether there were any", () => {
    weights.set("default", new Map([["queue", 3]]), minute);
    expect(weights.clear("other")).toBe(false);
    expect(weights.clear("default")).toBe(true);
    expect(planned()?.[0]).toEqual(["queue", 1]);
    expect(weights.clear("")).toBe(false);
  });

  it("end when another configuration comes into force, and their time touches nothing then", async () => {
    weights.set("default", new Map([["queue", 3]]), minute);
    await reload.changes.noticed(reload.raw(toText("", 5)));
    const { plan } = reload.inForce;
    expect(planned()?.[0]).toEqual(["queue", 5]);
    clock.advance(minute);
    expect(reload.inForce.plan).toBe(plan);
  });

  it("stay where a reload changes nothing", async () => {
    weights.set("default", new Map([["queue", 3]]), minute);
    await reload.changes.reload("signal");
    expect(planned()?.[0]).toEqual(["queue", 3]);
  });
});
