import { describe, expect, it } from "vitest";
import { configOf, ours, saidOf, theirs } from "./fixtures/load-text.ts";

const older = theirs.replace("llm-d.ai", "inference.networking.x-k8s.io");
const plugins = "plugins: [{ type: queue-scorer }, { type: prefix-cache-scorer }]\n";

describe("the budget of a decision", () => {
  const cases = [
    { title: "ours, unsaid", text: ours + plugins, want: { decision: 5, producer: 5, scorer: 5 } },
    { title: "ours, said", text: `${ours}budget: 20ms\n${plugins}`, want: { decision: 20, producer: 20, scorer: 20 } },
    { title: "the reference's, unsaid", text: theirs + plugins, want: { decision: 405, producer: 400, scorer: 5 } },
    { title: "the reference's older one", text: older + plugins, want: { decision: 405, producer: 400, scorer: 5 } },
    {
      title: "the reference's, said",
      text: `${theirs}budget: 20ms\n${plugins}`,
      want: { decision: 20, producer: 20, scorer: 20 },
    },
  ];
  for (const { title, text, want } of cases) {
    it(`covers producers and profiles (${title})`, async () => {
      const { budgetMs, waves, profiles } = await configOf(text);
      const [producer] = waves.flat();
      const [scorer] = profiles[0]!.scorers;
      expect({ decision: budgetMs, producer: producer?.budgetMs, scorer: scorer?.budgetMs }).toEqual(want);
    });
  }

  it("has room in the reference's form for every wave of producers and every profile, one after the other", async () => {
    const { budgetMs, waves } = await configOf(`${theirs}plugins:
- { type: queue-scorer }
- { name: slow, type: queue-scorer, budget: 20ms }
- { name: slower, type: queue-scorer, budget: 1s, shadow: true }
- { type: counter, budget: 100ms }
- { type: predictor }
- { type: always-disagg-pd-decider }
- { type: disagg-profile-handler, parameters: { deciders: { prefill: always-disagg-pd-decider } } }
schedulingProfiles:
- { name: decode, plugins: [{ pluginRef: queue-scorer }, { pluginRef: slow }, { pluginRef: slower }] }
- { name: prefill, plugins: [{ pluginRef: queue-scorer }] }
- { name: encode }
`);
    expect(waves).toEqual([[{ name: "counter", budgetMs: 100 }], [{ name: "predictor", budgetMs: 400 }]]);
    expect(budgetMs).toBe(100 + 400 + 20 + 5 + 5);
  });

  it("is a minute at most", async () => {
    const slow = Array.from({ length: 3 }, (_, i) => `{ name: ${"abc"[i]}, plugins: [{ pluginRef: q }] }`);
    const { budgetMs } = await configOf(`${theirs}plugins:
- { name: q, type: queue-scorer, budget: 30s }
- { type: header-profile-handler, parameters: { defaultProfile: a } }
schedulingProfiles: [${slow.join(", ")}]`);
    expect(budgetMs).toBe(60_000);
  });

  it("makes a cap above it a warning where it is said, and none where it follows from the caps", async () => {
    const capped = "plugins: [{ type: queue-scorer, budget: 9ms }]";
    expect((await saidOf(ours + capped)).warnings).toEqual([
      "plugins[0].budget: 9ms is above the budget of a decision, 5ms (it counts as 5ms; raise budget: at the top)",
    ]);
    expect((await saidOf(theirs + capped)).warnings).toEqual([]);
    expect((await configOf(theirs + capped)).budgetMs).toBe(9);
  });
});
