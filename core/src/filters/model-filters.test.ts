import { describe, expect, it } from "vitest";
import { callAbout, callOf, tableOf } from "./fixtures/calls.ts";
import { createHasAdapterFilter, createServesModelFilter } from "./model-filters.ts";

describe("serves-model", () => {
  const endpoints = [
    { sets: { models: ["base"], adapters: ["tuned"] } },
    { sets: { models: ["other"] } },
    { sets: { adapters_running: ["tuned"] } },
    { sets: { models: ["other"], adapters: [], adapters_running: ["tuned"] } },
    { sets: { models: [] } },
    {},
  ];
  const cases = [
    { title: "keeps who serves the model, and whose models are unknown", model: "base", want: [0, 2, 4, 5] },
    { title: "counts adapters, those loaded too, as models", model: "tuned", want: [0, 2, 3, 4, 5] },
    { title: "keeps all for a request without a model", model: "", want: [0, 1, 2, 3, 4, 5] },
  ];
  for (const { title, model, want } of cases) {
    it(title, () =>
      expect([...createServesModelFilter("f").filter(callAbout(endpoints, { facts: { model } }))]).toEqual(want),
    );
  }

  it("keeps nobody where all are known to serve something else", () => {
    expect([...createServesModelFilter("f").filter(callAbout([endpoints[1]], { facts: { model: "x" } }))]).toEqual([]);
  });

  it("notices what endpoints load, and keeps models apart", () => {
    const filter = createServesModelFilter("f");
    const table = tableOf([{ sets: { models: ["a"] } }, { sets: { models: ["b"] } }]);
    const decide = (model: string) => [...filter.filter(callOf(table.current, { facts: { model } }))];
    expect([decide("a"), decide("b"), decide("a")]).toEqual([[0], [1], [0]]);
    table.setSets(1, { models: ["a", "b"] });
    table.publish(1_000_001);
    expect([decide("a"), decide("b")]).toEqual([[0, 1], [1]]);
  });

  it("forgets no model wrongly, however many are asked for", () => {
    const filter = createServesModelFilter("f");
    const { current } = tableOf(Array.from({ length: 100 }, (_, i) => ({ sets: { models: [`m${i}`] } })));
    for (const round of [1, 2]) {
      for (let i = 0; i < 100; i++) {
        const kept = filter.filter(callOf(current, { facts: { model: `m${i}` } }));
        expect([round, ...kept]).toEqual([round, i]);
      }
    }
  });
});

describe("has-adapter", () => {
  const endpoints = [
    { sets: { adapters_running: ["tuned"] } },
    { sets: { adapters_waiting: ["tuned"] } },
    { sets: { adapters: ["tuned"], adapters_running: [] } },
    {},
  ];
  const cases = [
    { title: "keeps who has the adapter loaded or about to be", lora: "tuned", want: [0, 1] },
    { title: "keeps all where nobody has it", lora: "rare", want: [0, 1, 2, 3] },
    { title: "keeps all for a request without an adapter", lora: "", want: [0, 1, 2, 3] },
  ];
  for (const { title, lora, want } of cases) {
    it(title, () =>
      expect([...createHasAdapterFilter("f").filter(callAbout(endpoints, { facts: { lora } }))]).toEqual(want),
    );
  }
});
