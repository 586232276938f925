import { defaultSessionSources } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { builtinConfig } from "./builtin-config.ts";
import { configOf, ours, saidOf, theirs } from "./fixtures/load-text.ts";

const weightsOf = (config: Awaited<ReturnType<typeof configOf>>) =>
  config.profiles.map(({ scorers }) => scorers.map(({ name, weight }) => [name, weight]));

describe("no configuration at all", () => {
  it("is the reference's default: queue 2, KV cache 2, prefix 3, the highest total", async () => {
    const config = await configOf(builtinConfig);
    expect(weightsOf(config)).toEqual([
      [
        ["queue-scorer", 2],
        ["kv-cache-utilization-scorer", 2],
        ["prefix-cache-scorer", 3],
      ],
    ]);
    expect(config.profiles[0]!.picker).toBe("max-score-picker");
    expect(config.handler).toBe("single-profile-handler");
    expect(config.waves).toEqual([[{ name: "approx-prefix-cache-producer", budgetMs: 5 }]]);
    expect(config.requests).toEqual({
      parsers: ["openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"],
      objectives: [],
      modelRewrites: [],
      unknownModels: "route",
      detector: "utilization-detector",
      screeners: [],
      agents: [],
      reporters: [],
      sessionSources: defaultSessionSources,
      sessions: undefined,
      referenceMetrics: true,
    });
    expect(config.dataLayer.metrics?.path).toBe("/metrics");
    expect(config.dataLayer.models).toBeUndefined();
  });

  it("has every policy that it names", async () => {
    const config = await configOf(builtinConfig);
    const { parsers, detector } = config.requests;
    const named = [config.handler, detector, ...parsers, ...config.profiles.map(({ picker }) => picker)];
    expect(config.policies.map(({ name }) => name)).toEqual(expect.arrayContaining(named));
  });
});

describe("a configuration without profiles", () => {
  const plugins = [
    { name: "z", type: "label-selector-filter", parameters: { matchLabels: { a: "1" } } },
    { name: "second", type: "kv-cache-utilization-scorer" },
    { name: "a", type: "decode-filter" },
    { name: "first", type: "queue-scorer" },
    { name: "m", type: "label-selector-filter", parameters: { matchLabels: { b: "1" } } },
    { name: "any", type: "random-picker" },
    { name: "best", type: "max-score-picker" },
  ];
  const orders = [plugins, plugins.toReversed(), [...plugins.slice(3), ...plugins.slice(0, 3)]];
  for (const [i, order] of orders.entries()) {
    it(`has one, of all filters, scorers and the first picker in the order of the file (order ${i})`, async () => {
      const config = await configOf(`${theirs}plugins: ${JSON.stringify(order)}`);
      const namesOf = (types: RegExp) => order.filter(({ type }) => types.test(type)).map(({ name }) => name);
      expect(config.profiles).toMatchObject([
        {
          name: "default",
          filters: namesOf(/filter/).map((name) => ({ name, onEmpty: "fail" })),
          scorers: namesOf(/scorer/).map((name) => ({ name, weight: 1 })),
          picker: namesOf(/picker/)[0],
        },
      ]);
    });
  }
});

describe("a profile", () => {
  const scorer = "{ name: q, type: queue-scorer }";
  const cases = [
    {
      title: "the first picker in the order of the file",
      plugins: "{ type: random-picker }, { type: max-score-picker }",
      want: "random-picker",
    },
    {
      title: "one by the highest total where there is none",
      plugins: "{ type: kv-cache-utilization-scorer }",
      want: "max-score-picker",
    },
    {
      title: "one beside a plugin that has its name",
      plugins: "{ name: max-score-picker, type: kv-cache-utilization-scorer }",
      want: "max-score-picker/default",
    },
  ];
  for (const { title, plugins, want } of cases) {
    it(`that names no picker gets ${title}`, async () => {
      const profile = "schedulingProfiles: [{ name: p, plugins: [{ pluginRef: q }] }]";
      const config = await configOf(`${theirs}plugins: [${scorer}, ${plugins}]\n${profile}`);
      expect(config.profiles[0]!.picker).toBe(want);
      expect(config.policies.map(({ name }) => name)).toContain(want);
    });
  }

  it("keeps its filters in the order in which it lists them, with what happens where they leave nothing", async () => {
    const config = await configOf(`${theirs}plugins:
- { name: a, type: decode-filter }
- { name: b, type: prefill-filter, onEmpty: relax }
- { name: c, type: encode-filter, onEmpty: ignore_last }
- ${scorer}
schedulingProfiles: [{ name: p, plugins: [{ pluginRef: c }, { pluginRef: q }, { pluginRef: a }, { pluginRef: b }] }]`);
    expect(config.profiles[0]!.filters).toEqual([
      { name: "c", onEmpty: "ignore_last" },
      { name: "a", onEmpty: "fail" },
      { name: "b", onEmpty: "relax" },
    ]);
  });

  it("takes what has no part in it, and says so", async () => {
    const text = `${theirs}plugins:
- ${scorer}
- { type: approx-prefix-cache-producer }
- { type: prefix-cache-scorer }
- { type: single-profile-handler }
- { type: openai-parser }
- { type: probabilistic-admitter }
schedulingProfiles:
- name: p
  plugins:
  - { pluginRef: q }
  - { pluginRef: prefix-cache-scorer }
  - { pluginRef: approx-prefix-cache-producer, weight: 2 }
  - { pluginRef: single-profile-handler }
  - { pluginRef: openai-parser }
  - { pluginRef: probabilistic-admitter }
`;
    const config = await configOf(text);
    expect(weightsOf(config)[0]).toEqual([
      ["q", 1],
      ["prefix-cache-scorer", 1],
    ]);
    expect(config.admitters).toEqual(["probabilistic-admitter"]);
    expect((await saidOf(text)).warnings).toEqual([
      "schedulingProfiles[0].plugins[2]: approx-prefix-cache-producer has no part in a profile (a producer runs for every profile)",
      "schedulingProfiles[0].plugins[2].weight: means nothing for approx-prefix-cache-producer, which is no scorer (remove it)",
      "schedulingProfiles[0].plugins[3]: single-profile-handler has no part in a profile (the profile handler is part of no profile)",
      "schedulingProfiles[0].plugins[4]: openai-parser has no part in a profile (it works for every profile)",
      "schedulingProfiles[0].plugins[5]: probabilistic-admitter has no part in a profile (it works for every profile)",
    ]);
  });
});

describe("a producer that nobody wrote down", () => {
  const note =
    "plugins[0]: prefix-cache-scorer reads data.prefix_match_blocks, so that approx-prefix-cache-producer is added (declare it to set it up)";

  it("is added for a scorer, before it is asked", async () => {
    const text = `${theirs}plugins: [{ type: prefix-cache-scorer }]`;
    const config = await configOf(text);
    expect(config.plugins.map(({ name, placement }) => [name, placement])).toEqual([
      ["prefix-cache-scorer", "inline"],
      ["approx-prefix-cache-producer", "inline"],
    ]);
    expect(config.waves.flat().map(({ name }) => name)).toEqual(["approx-prefix-cache-producer"]);
    expect(await saidOf(text)).toEqual({ faults: [], warnings: [], notes: [note] });
  });

  it("is added for a decider", async () => {
    const text = `${theirs}plugins:
- { type: prefix-based-pd-decider, parameters: { nonCachedTokens: 16 } }
- { type: disagg-profile-handler, parameters: { deciders: { prefill: prefix-based-pd-decider } } }
schedulingProfiles: [{ name: prefill }, { name: decode }]`;
    expect((await configOf(text)).waves.flat().map(({ name }) => name)).toEqual(["approx-prefix-cache-producer"]);
  });

  it("is not added beside one of another name", async () => {
    const config = await configOf(
      `${theirs}plugins: [{ type: prefix-cache-scorer }, { name: own, type: approx-prefix-cache-producer }]`,
    );
    expect(config.waves.flat().map(({ name }) => name)).toEqual(["own"]);
  });

  it("gets another name where its own is taken", async () => {
    const config = await configOf(
      `${theirs}plugins: [{ type: prefix-cache-scorer }, { name: approx-prefix-cache-producer, type: queue-scorer }]`,
    );
    expect(config.waves.flat().map(({ name }) => name)).toEqual(["approx-prefix-cache-producer/default"]);
  });

  it("is not added beside a faulty one, of which alone is told", async () => {
    const { faults, notes } = await saidOf(
      `${theirs}plugins: [{ type: prefix-cache-scorer }, { type: approx-prefix-cache-producer, parameters: { x: 1 } }]`,
    );
    expect([faults, notes]).toEqual([["plugins[1].parameters.x: there is no such field"], []]);
  });

  it("is a fault where a scorer cannot do without and there is none to add", async () => {
    expect((await saidOf(`${theirs}plugins: [{ type: greedy }]`)).faults).toEqual([
      "plugins[0]: reads data.predicted_tpot_ms_p90, which no configured producer writes (declare a producer of it)",
    ]);
  });
});

describe("rules of requests", () => {
  it("are as written", async () => {
    const { requests, dataLayer, needs } = await configOf(`${ours}unknownModels: refuse
referenceMetrics: false
objectives: [{ name: chat, priority: 10 }, { name: batch, priority: -5 }, { name: plain }]
modelRewrites:
- { models: [chat, talk], targets: [{ model: a, weight: 9 }, { model: b }] }
- { name: rest, targets: [{ model: c, weight: 0.5 }] }
`);
    expect(requests).toMatchObject({
      objectives: [
        { name: "chat", priority: 10 },
        { name: "batch", priority: -5 },
        { name: "plain", priority: 0 },
      ],
      modelRewrites: [
        {
          name: "chat",
          models: ["chat", "talk"],
          targets: [{ model: "a", weight: 9 }, { model: "b" }],
        },
        { name: "rest", models: [], targets: [{ model: "c", weight: 0.5 }] },
      ],
      unknownModels: "refuse",
      referenceMetrics: false,
    });
    expect(needs).toContainEqual({ key: "endpoint.sets", names: ["models"] });
    expect(dataLayer.models?.path).toBe("/v1/models");
  });
});

describe("a measurement that somebody reads", () => {
  const extractor =
    "{ type: core-metrics-extractor, parameters: { engineConfigs: [{ name: vllm, customMetrics: [{ attributeKey: heat, metricSpec: heat }] }] } }";
  const filter = (attribute: string) =>
    `{ type: endpoint-attribute-filter, parameters: { attribute: ${attribute}, algorithm: { type: threshold, threshold: { operator: LessThan, value: 1 } } } }`;
  const cases = [
    { title: "is fine where every engine is read for it", plugins: filter("WaitingQueueSize"), want: [] },
    { title: "is fine where the extractor names it", plugins: `${filter("heat")}, ${extractor}`, want: [] },
    {
      title: "is told of where nobody is read for it",
      plugins: filter("heat"),
      want: [
        "plugins[0]: reads metric.heat, which is not scraped (it will be unknown; name it under customMetrics of a core-metrics-extractor)",
      ],
    },
  ];
  for (const { title, plugins, want } of cases) {
    it(title, async () => {
      const { faults, warnings } = await saidOf(`${theirs}plugins: [${plugins}]`);
      expect([faults, warnings]).toEqual([[], want]);
    });
  }
});
