import { fileURLToPath } from "node:url";
import type { RequestOutcome, RunEnd, Scenario } from "@outrider/lab/contract";
import { runScenario } from "@outrider/lab/simulation";
import { plugins as catalogue } from "outrider/plugins";
import { describe, expect, it } from "vitest";
import { benchScenario, type Placements } from "../../bench/lab/scenario.ts";

/** Every request, and how the run ended. */
async function run(
  scenario: Scenario,
): Promise<{ readonly end: RunEnd; readonly outcomes: readonly RequestOutcome[] }> {
  const outcomes: RequestOutcome[] = [];
  const observer = { ended: (outcome: RequestOutcome) => void outcomes.push(outcome), sampled() {} };
  return { end: await runScenario(scenario, { catalogue, observer }), outcomes };
}

/** What can be compared of outcomes: a request is another object in each run. */
function timesOf(outcomes: readonly RequestOutcome[]) {
  return outcomes.map((outcome) => ({ ...outcome, request: undefined }));
}

/** The same requests, so many times as far apart. */
function slowed({ open }: Scenario["workload"], times: number): Scenario["workload"] {
  return {
    async *open(seed) {
      for await (const batch of open(seed)) yield batch.map(({ atMs, request }) => ({ atMs: atMs * times, request }));
    },
  };
}

describe("a simulation with first-party plugins", () => {
  const events: Scenario["events"] = [
    { atMs: 2_000, servers: ["server-1"], kind: "crash" },
    { atMs: 4_000, servers: ["server-2"], kind: "leave" },
    { atMs: 6_000, servers: ["server-1", "server-2"], kind: "join", startMs: 500 },
    { atMs: 7_000, servers: ["server-0"], kind: "slowdown", factor: 2 },
  ];
  const scenarioOf = (placements: Placements) => ({ ...benchScenario(200, 6, placements), events });
  const placed = (placement: "worker" | "process"): readonly Placements[] => [
    { "prefix-cache": placement, load: placement },
    { slo: placement, "session-affinity": placement, "predicted-latency-producer": placement },
  ];
  const inline = run(scenarioOf({}));

  for (const placement of ["worker", "process"] as const) {
    for (const placements of placed(placement)) {
      it(`decides alike with ${Object.keys(placements).join(", ")} in ${placement} placement`, async () => {
        const [one, other] = [await inline, await run(scenarioOf(placements))];
        expect(other.end).toEqual(one.end);
        expect(timesOf(other.outcomes)).toEqual(timesOf(one.outcomes));
      });
    }
  }

  it("gives slots to the endpoints that come next alike, though processes hear of them when they are asked", async () => {
    const slowly = (placements: Placements): Scenario => {
      const scenario = benchScenario(24, 6, placements);
      const rejoin = [
        { atMs: 3_100, servers: ["server-2", "server-4"], kind: "leave" },
        { atMs: 4_900, servers: ["server-4"], kind: "join", startMs: 0 },
        { atMs: 4_950, servers: ["server-2"], kind: "join", startMs: 0 },
      ] as const;
      return { ...scenario, events: rejoin, workload: slowed(scenario.workload, 30) };
    };
    const [one, other] = [await run(slowly({})), await run(slowly({ load: "process", slo: "process" }))];
    expect(other.end).toEqual(one.end);
    expect(timesOf(other.outcomes)).toEqual(timesOf(one.outcomes));
  });

  it("finds what it believes to be cached", async () => {
    const { outcomes } = await inline;
    const sum = (of: (outcome: RequestOutcome) => number) => outcomes.reduce((all, one) => all + (of(one) || 0), 0);
    const cached = sum(({ cachedTokens }) => cachedTokens);
    expect(cached).toBeGreaterThan(0.2 * sum(({ request }) => request.promptTokens));
    expect(sum(({ believedTokens }) => believedTokens) / cached).toBeCloseTo(1, 0);
  });
});

describe("a plugin of a simulation that", () => {
  const main = fileURLToPath(new URL("moody-main.ts", import.meta.url));
  const configText = (type: string) => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
processes:
  - { name: moody, command: [${process.execPath}, ${main}] }
plugins:
  - { type: ${type}, process: moody, needs: [inflight_requests] }
  - { type: load, placement: inline }
schedulingProfiles:
  - { name: default, plugins: [{ pluginRef: ${type} }, { pluginRef: load }] }
`;
  const sent = 400;

  it("dies in the middle leaves the run to the others", async () => {
    const { end, outcomes } = await run({ ...benchScenario(sent, 6), configText: configText("dies") });
    expect(outcomes.filter(({ kind }) => kind === "ok").length).toBe(sent);
    expect(end).toMatchObject({ cutShort: undefined, plugins: { load: { scored: sent } } });
    const { scored = 0, failed = 0 } = end.plugins.dies ?? {};
    expect(scored).toBeGreaterThanOrEqual(100);
    expect(failed).toBeGreaterThan(0);
    expect(scored + failed).toBe(sent);
  });

  it("falls silent is late a few times, and not asked any more", async () => {
    const { end, outcomes } = await run({ ...benchScenario(sent, 6), configText: configText("falls-silent") });
    expect(outcomes.filter(({ kind }) => kind === "ok").length).toBe(sent);
    expect(end.plugins["falls-silent"]).toEqual({ scored: 100, abstained: 0, late: 3, failed: 297, shed: 0 });
  });
});
