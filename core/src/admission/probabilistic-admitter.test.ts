import { describe, expect, it } from "vitest";
import { inputOf, planOf, profileOf, scorerOf, weighted } from "../cycle/fixtures/plans.ts";
import { runCycle } from "../cycle/run-cycle.ts";
import { callAbout, callOf, type GivenEndpoint, tableOf } from "../filters/fixtures/calls.ts";
import { factsOf } from "../filters/fixtures/facts.ts";
import { createProbabilisticAdmitter } from "./probabilistic-admitter.ts";

const options = { queueDepthThreshold: 5, kvCacheUtilThreshold: 0.8, power: 5, k: 300 };
const admitter = createProbabilisticAdmitter("shed", options);
const kvUsed = (saturation: number): GivenEndpoint => ({
  values: { waiting_requests: 0, kv_cache_usage: saturation * 0.8 },
});
const busy = kvUsed(2);

function refusedShare(endpoints: readonly GivenEndpoint[], priority = -1): number {
  const { current } = tableOf(endpoints);
  let refused = 0;
  for (let seed = 0; seed < 4_000; seed++) {
    if (admitter.admit(callOf(current, { facts: { priority }, seed })) !== undefined) refused += 1;
  }
  return refused / 4_000;
}

describe("the probabilistic admitter", () => {
  const cases = [
    { saturation: 0, want: 0 },
    { saturation: 0.08, want: 0.001 },
    { saturation: 0.15, want: 0.023 },
    { saturation: 0.2, want: 0.096 },
    { saturation: 0.3, want: 0.729 },
    { saturation: 0.34, want: 1 },
    { saturation: 2, want: 1 },
  ];
  for (const { saturation, want } of cases) {
    it(`refuses ${want} of sheddable requests at a saturation of ${saturation}`, () =>
      expect(Math.abs(refusedShare([kvUsed(saturation)]) - want)).toBeLessThan(0.02));
  }

  const busyQueue = (waiting_requests: number): GivenEndpoint => ({ values: { waiting_requests, kv_cache_usage: 0 } });
  const mixed = [
    { endpoints: [kvUsed(0.3), kvUsed(0.3), busyQueue(1.5)], want: 0.729 },
    { endpoints: [kvUsed(0), kvUsed(0), busyQueue(3)], want: 0.096 },
  ];
  for (const { endpoints, want } of mixed) {
    it(`goes by the mean over candidates of the fuller of queue and KV cache: ${want}`, () =>
      expect(Math.abs(refusedShare(endpoints) - want)).toBeLessThan(0.02));
  }

  it("counts a candidate of which something is unknown as full", () => {
    expect(refusedShare([{}])).toBe(1);
    expect(refusedShare([{ values: { waiting_requests: 0 } }])).toBe(1);
    expect(refusedShare([{}, ...Array.from({ length: 9 }, () => kvUsed(0))])).toBeLessThan(0.02);
  });

  for (const priority of [0, 1]) {
    it(`lets priority ${priority} pass whatever the load`, () => expect(refusedShare([busy], priority)).toBe(0));
  }

  it("lets a request pass where there is no candidate", () => {
    expect(admitter.admit(callAbout([], { facts: { priority: -1 } }))).toBeUndefined();
  });

  it("refuses as exhausted, not as broken: the client may come again", () => {
    expect(admitter.admit(callAbout([busy], { facts: { priority: -1 } }))).toEqual({
      by: "shed",
      code: "ResourceExhausted",
      message: "probabilistic-admitter: rejected, saturation=2.000 prob=1.00",
      droppedReason: "rejected-saturated",
      retryAfterS: 1,
    });
  });

  it("ends a decision before any scorer is asked", () => {
    let asked = 0;
    const scorer = scorerOf("s", () => void asked++);
    const plan = planOf(profileOf([weighted(scorer)]), { admitters: [admitter] });
    const decide = (priority: number) => runCycle(inputOf(tableOf([busy]), plan, { facts: factsOf({ priority }) }));
    expect(decide(-1)).toMatchObject({ destination: [], refusal: { by: "shed", code: "ResourceExhausted" } });
    expect(asked).toBe(0);
    expect(decide(0)).toMatchObject({ destination: [0], refusal: undefined });
    expect(asked).toBe(1);
  });
});
