import { describe, expect, it } from "vitest";
import type { PluginDisturbance } from "../contract/index.ts";
import { arrivals, countByServer, scenario, tell, toConfig } from "./fixtures/scenario.ts";

const calm: PluginDisturbance = { latencyMs: 0, missShare: 0, outages: [] };
const budget = "budget: 10ms";
/** The first of two scorers is disturbed, the other one decides. */
const configText = toConfig(["listening@inline", "least-sent@inline"], ["listening", "least-sent"], budget);
const run = (listening: Partial<PluginDisturbance>, fields = {}) =>
  tell(scenario(arrivals(60, 4), { configText, disturbances: { listening: { ...calm, ...listening } }, ...fields }));

describe("a scorer's answers", () => {
  it("that take time have decisions take it too", async () => {
    const { outcomes, end, leases } = await run({ latencyMs: 4 });
    expect(end.plugins).toMatchObject({ listening: { scored: 60, late: 0 }, "least-sent": { scored: 60 } });
    expect(outcomes.every(({ decisionMs }) => Math.abs(decisionMs - 4) < 1e-6)).toBe(true);
    expect(leases).toBe(0);
  });

  it("that take longer than the budget fall out, and the others decide at its end", async () => {
    const { outcomes, end } = await run({ latencyMs: 11 });
    expect(end.plugins).toMatchObject({ listening: { scored: 0, late: 60 }, "least-sent": { scored: 60 } });
    expect(outcomes.every(({ decisionMs }) => Math.abs(decisionMs - 10) < 1e-6)).toBe(true);
    expect(Math.min(...countByServer({ outcomes }, 3))).toBeGreaterThan(17);
  });

  it("that never come for some calls are late for these", async () => {
    const { end, outcomes } = await run({ missShare: 0.5 });
    const { scored = 0, late = 0 } = end.plugins.listening ?? {};
    expect(scored + late).toBe(60);
    expect(late).toBeGreaterThan(15);
    expect(late).toBeLessThan(45);
    expect(outcomes.filter(({ decisionMs }) => decisionMs > 9).length).toBe(late);
  });

  it("are missed for the same calls each time", async () => {
    expect(await run({ missShare: 0.3 })).toEqual(await run({ missShare: 0.3 }));
  });

  it("fail while it is lost, and come again behind that", async () => {
    const { end, outcomes } = await run({ outages: [{ atMs: 40, forMs: 80 }] });
    expect(end.plugins.listening).toMatchObject({ scored: 40, failed: 20 });
    expect(outcomes.every(({ decisionMs }) => decisionMs === 0)).toBe(true);
  });
});

describe("a required scorer", () => {
  it("that is lost has requests refused, where the configuration wants that", async () => {
    const strict = configText.replace("type: listening", "type: listening, onFailure: fail_request");
    const { outcomes } = await run({ outages: [{ atMs: 40, forMs: 80 }] }, { configText: strict });
    expect(outcomes.filter(({ kind }) => kind === "refused").length).toBe(20);
  });
});
