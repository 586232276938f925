import { createEndpointTable, createRandom, type PinnedSessions } from "@outrider/core";
import { describe, expect, it } from "vitest";
import type { ModelRewriteSpec, RequestSpec } from "../config/types.ts";
import { createPolicies } from "../policies/create-policies.ts";
import { createRequestRules, type RequestRules } from "./request-rules.ts";

const policies = createPolicies([
  {
    name: "full",
    type: "utilization-detector",
    parameters: { queueDepthThreshold: 5, kvCacheUtilThreshold: 0.8, metricsStalenessThreshold: 200, headroom: 0 },
  },
  { name: "agents", type: "agent-identity", parameters: { additionalSessionHeaders: [] } },
  { name: "openai", type: "openai-parser", parameters: {} },
]);

const nothing: RequestSpec = {
  parsers: [],
  objectives: [],
  modelRewrites: [],
  unknownModels: "route",
  detector: "full",
  screeners: [],
  agents: [],
  reporters: [],
  sessionSources: [],
  sessions: undefined,
  referenceMetrics: false,
};

const rulesOf = (more: Partial<RequestSpec>) => createRequestRules({ ...nothing, ...more }, policies);
const to = (...targets: readonly (readonly [model: string, weight: number])[]) =>
  targets.map(([model, weight]) => ({ model, weight }));

describe("rules of requests", () => {
  it("fail where a policy cannot be what it is named for", () => {
    expect(() => rulesOf({ agents: ["full"] })).toThrow("full is no agent");
    expect(() => rulesOf({ detector: "nobody" })).toThrow("nobody");
  });

  it("know the priority of objectives, and 0 for others", () => {
    const { priorityOf } = rulesOf({ objectives: [{ name: "batch", priority: -3 }] });
    expect([priorityOf("batch"), priorityOf("other"), priorityOf("")]).toEqual([-3, 0, 0]);
  });

  it("keep the sessions of the rules before them", () => {
    const byId: PinnedSessions = {
      ...{ kind: "id", profile: "", sources: [{ kind: "header", name: "x-session-id" }] },
      ...{ ttlMs: 1_000, sweepMs: 1, maxSessions: 9, maxWaitingRequests: 9 },
    };
    const table = createEndpointTable({ epoch: 1 });
    table.setReady(table.upsert({ id: "a", address: "10.0.0.1:1", labels: {} }), true);
    table.publish(0);
    const spec = { ...nothing, sessions: { pinned: [byId], shown: "" } };
    const before = createRequestRules(spec, policies);
    const pinOf = ({ sessions }: RequestRules) =>
      sessions?.pin({ header: () => "s" }, { snapshot: table.current, candidates: table.current.live, nowMs: 0 });
    pinOf(before)?.sent(() => 0);
    expect(pinOf(createRequestRules(spec, policies, before))?.pinnedSlot).toBe(0);
    expect(pinOf(createRequestRules(spec, policies))?.pinnedSlot).toBe(-1);
  });

  it("make the policies they name", () => {
    const rules = rulesOf({ agents: ["agents"], parsers: ["openai"] });
    expect(rules.agents[0]?.agentOf((name) => (name === "session_id" ? "s" : undefined))).toBe("s");
    expect(rules.parsers.find("/v1/completions")?.type).toBe("openai-parser");
    expect(rules.detector.name).toBe("full");
  });
});

describe("model rewrites", () => {
  const specs: readonly ModelRewriteSpec[] = [
    { name: "first", models: ["a", "b"], targets: to(["a2", 1]) },
    { name: "second", models: ["b", "c"], targets: to(["c2", 1]) },
    { name: "rest", models: [], targets: to(["any", 1]) },
    { name: "never", models: [], targets: to(["none", 1]) },
  ];
  const cases = [
    { title: "the rule that names the model", specs, model: "c", want: { rule: "second", model: "c2" } },
    { title: "the first of two that name it", specs, model: "b", want: { rule: "first", model: "a2" } },
    { title: "the first that names none, for others", specs, model: "z", want: { rule: "rest", model: "any" } },
    { title: "the same for a request that names none", specs, model: "", want: { rule: "rest", model: "any" } },
    { title: "no rule for others where all name some", specs: specs.slice(0, 2), model: "z", want: undefined },
    { title: "no rule where there is none", specs: [], model: "a", want: undefined },
  ];
  for (const { title, specs: modelRewrites, model, want } of cases) {
    it(`go by ${title}`, () => {
      const { rewriteOf, rewritesModels } = rulesOf({ modelRewrites });
      expect(rewriteOf(model, () => 0.5)).toEqual(want);
      expect(rewritesModels).toBe(modelRewrites.length > 0);
    });
  }

  const shares = [
    { title: "in proportion to the weights", targets: to(["x", 70], ["y", 30]), want: 0.7 },
    { title: "evenly where they are equal", targets: to(["x", 1], ["y", 1]), want: 0.5 },
    { title: "never one without weight", targets: to(["x", 0], ["y", 5]), want: 0 },
  ];
  for (const { title, targets, want } of shares) {
    it(`choose targets ${title}`, () => {
      const { rewriteOf } = rulesOf({ modelRewrites: [{ name: "r", models: [], targets }] });
      const random = createRandom(7);
      const chosen = Array.from({ length: 10_000 }, () => rewriteOf("m", random)?.model);
      expect(chosen.filter((model) => model === "x").length / chosen.length).toBeCloseTo(want, 1);
    });
  }

  it("choose the last target at the end of the range, but for one without weight", () => {
    const edge = () => 1 - 2 ** -32;
    const targets = to(["x", 0.1], ["y", 0.2], ["z", 0]);
    const { rewriteOf } = rulesOf({ modelRewrites: [{ name: "r", models: [], targets }] });
    expect(rewriteOf("m", edge)?.model).toBe("y");
  });
});
