import { type CycleFacts, createEndpointTable, type Producer, type Scorer } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { createPolicies } from "../policies/create-policies.ts";
import { catalogue } from "./fixtures/catalogue.ts";
import { loadConfig } from "./load.ts";
import { createPlan } from "./plan.ts";

const head = "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n";
const plugins = {
  scorer: (name: string): Scorer => ({ name, type: "t", score: () => {} }),
  producer: (name: string): Producer => ({ name, type: "t", produces: [], produce: () => {} }),
};

const { current } = createEndpointTable({ epoch: 1 });
const seen = { facts: {} as CycleFacts, endpoints: current, columns: current.columns };

async function planOf(text: string, generation = 1) {
  const result = await loadConfig({ name: "epp.yaml", bytes: Buffer.from(head + text), folder: "/" }, catalogue);
  if (result.kind === "invalid") throw new Error(JSON.stringify(result.faults));
  return createPlan(result.config, plugins, createPolicies(result.config.policies), generation);
}

describe("createPlan", () => {
  it("finds each scorer and producer by its name, with weight and cap", async () => {
    const plan = await planOf(
      `budget: 8ms
plugins: [{ name: q, type: queue-scorer, budget: 2ms }, { name: c, type: counter }, { name: p, type: predictor }]
schedulingProfiles: [{ name: chat, plugins: [{ pluginRef: q, weight: 2.5 }] }]`,
      7,
    );
    expect(plan).toMatchObject({
      generation: 7,
      budgetMs: 8,
      waves: [[{ producer: { name: "c" }, budgetMs: 8 }], [{ producer: { name: "p" }, budgetMs: 8 }]],
      profiles: [
        {
          name: "chat",
          filters: [],
          scorers: [{ scorer: { name: "q" }, weight: 2.5, budgetMs: 2, onFailure: { kind: "abstain" } }],
        },
      ],
      handler: { name: "single-profile-handler" },
      admitters: [],
    });
    expect(plan.handler.primaryOf([])).toBe("chat");
    expect(plan.profiles).toContain(plan.handler.next({ profiles: [] } as never));
  });

  it("has for each failure policy what it needs, one memory for all profiles that a scorer is in", async () => {
    const plan = await planOf(`plugins:
- { name: a, type: queue-scorer, onFailure: neutral }
- { name: b, type: queue-scorer, onFailure: fail_request }
- { name: c, type: queue-scorer, onFailure: "inline:kv-cache-utilization-scorer" }
- { name: d, type: queue-scorer, onFailure: last_known, lastKnownMaxAge: 50ms }
- { name: e, type: queue-scorer, shadow: true }
`);
    const { scorers } = plan.profiles[0]!;
    expect(scorers.map(({ onFailure, shadow }) => [onFailure.kind, shadow])).toEqual([
      ["neutral", false],
      ["fail_request", false],
      ["inline", false],
      ["last_known", false],
      ["abstain", true],
    ]);
    expect(scorers[2]).toMatchObject({ onFailure: { scorer: { name: "c/fallback" } } });
    const [policy, table] = [scorers[3]!.onFailure, createEndpointTable({ epoch: 1 })];
    if (policy.kind !== "last_known") throw new Error("another policy");
    table.upsert({ id: "e", address: "10.0.0.1:1", labels: {} });
    const slots = Uint32Array.of(0);
    policy.last.note(table.publish(1_000), slots, Float32Array.of(1), 1_000);
    expect([1_050, 1_051].map((nowMs) => policy.last.recall(table.current, slots, nowMs)[0])).toEqual([1, Number.NaN]);
  });

  const pickers = ["max-score-picker", "random-picker", "weighted-random-picker"];
  for (const type of pickers) {
    it(`picks by ${type}, with as many fallbacks as configured`, async () => {
      const plan = await planOf(`plugins: [{ name: best, type: ${type}, parameters: { maxNumOfEndpoints: 2 } }]`);
      const { picker } = plan.profiles[0]!;
      expect(picker).toMatchObject({ name: "best", type });
      const input = {
        candidates: Uint32Array.of(3, 5, 8),
        totals: Float64Array.of(1, 2, 3),
        random: () => 0.5,
        ...seen,
      };
      expect(new Set(picker.pick(input)).size).toBe(2);
    });
  }

  it("breaks ties as configured", async () => {
    const plan = await planOf("plugins: [{ type: max-score-picker, parameters: { tieBreak: first } }]");
    const input = { candidates: Uint32Array.of(3, 5), totals: Float64Array.of(1, 1), random: () => 0.01, ...seen };
    expect(plan.profiles[0]!.picker.pick(input)).toEqual([3]);
  });

  it("has filters, admitters and a handler with its deciders, each under its name", async () => {
    const plan = await planOf(`plugins:
- { name: own, type: decode-filter, onEmpty: relax }
- { name: shed, type: probabilistic-admitter }
- { type: always-disagg-pd-decider }
- { name: stages, type: disagg-profile-handler, parameters: { deciders: { prefill: always-disagg-pd-decider } } }
schedulingProfiles: [{ name: prefill }, { name: decode, plugins: [{ pluginRef: own }] }]`);
    expect(plan.profiles.map(({ name, filters }) => [name, filters])).toMatchObject([
      ["prefill", []],
      ["decode", [{ filter: { name: "own", type: "decode-filter" }, onEmpty: "relax" }]],
    ]);
    expect(plan.admitters).toMatchObject([{ name: "shed", type: "probabilistic-admitter" }]);
    expect(plan.handler).toMatchObject({ name: "stages", type: "disagg-profile-handler" });
  });
});
