import { describe, expect, it } from "vitest";
import { configOf, ours, saidOf, theirs } from "./fixtures/load-text.ts";

const queue = "{ type: queue-scorer }";

describe("feature gates", () => {
  const cases = [
    { gates: "[flowControl=false]", want: { faults: [], warnings: [], notes: [] } },
    {
      gates: "[haPopulateNonLeaderDatastore, haPopulateNonLeaderDatastore=false]",
      want: {
        faults: [],
        warnings: [],
        notes: [0, 1].map(
          (i) => `featureGates[${i}]: haPopulateNonLeaderDatastore has no effect: every replica knows all endpoints`,
        ),
      },
    },
    {
      gates: '["", flowControl=, flowControl=true=true, "flowControl "]',
      want: {
        faults: [
          'featureGates[0]: there is no feature gate "" (remove it)',
          'featureGates[1]: must be flowControl=true or flowControl=false, is "flowControl="',
          'featureGates[2]: must be flowControl=true or flowControl=false, is "flowControl=true=true"',
          'featureGates[3]: there is no feature gate "flowControl " (did you mean flowControl?)',
        ],
        warnings: [],
        notes: [],
      },
    },
  ];
  for (const { gates, want } of cases) {
    it(`are judged one by one: ${gates}`, async () => {
      expect(await saidOf(`${theirs}featureGates: ${gates}\nplugins: [${queue}]`)).toEqual(want);
    });
  }
});

describe("parsers", () => {
  const plugins = "{ type: openai-parser }, { name: raw, type: passthrough-parser }, { type: sglanghttp-parser }";
  const older = "parser: is an older form (write requestHandler: { parsers: [...] })";
  const cases = [
    {
      title: "the default list, of those that are declared too",
      text: "",
      want: ["openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"],
      warnings: [
        "plugins[2]: raw is not among requestHandler.parsers, so it is never asked (name it there, or remove it)",
        "plugins[3]: sglanghttp-parser is not among requestHandler.parsers, so it is never asked (name it there, or remove it)",
      ],
    },
    {
      title: "as listed, up to one that reads everything",
      text: "requestHandler: { parsers: [{ pluginRef: sglanghttp-parser }, { pluginRef: raw }, { pluginRef: openai-parser }] }",
      want: ["sglanghttp-parser", "raw"],
      warnings: [
        "requestHandler.parsers[2]: openai-parser is never asked: raw reads all that comes to it (move it up)",
      ],
    },
    {
      title: "the one of the older form",
      text: "parser: { pluginRef: raw }",
      want: ["raw"],
      warnings: [
        "plugins[1]: openai-parser is not among requestHandler.parsers, so it is never asked (name it there, or remove it)",
        "plugins[3]: sglanghttp-parser is not among requestHandler.parsers, so it is never asked (name it there, or remove it)",
        older,
      ],
    },
  ];
  for (const { title, text, want, warnings } of cases) {
    it(`are ${title}`, async () => {
      const whole = `${theirs}plugins: [${queue}, ${plugins}]\n${text}`;
      expect((await configOf(whole)).requests.parsers).toEqual(want);
      expect((await saidOf(whole)).warnings).toEqual(warnings);
    });
  }
});

describe("the saturation detector", () => {
  const plugins = `plugins: [${queue}, { name: mine, type: concurrency-detector }, { type: utilization-detector }]\nschedulingProfiles: [{ name: p, plugins: [{ pluginRef: queue-scorer }] }]\n`;
  const cases = [
    { title: "by default the one of that name", text: "", want: "utilization-detector", older: false },
    {
      title: "the one that is named",
      text: "flowControl: { enableEviction: false, saturationDetector: { pluginRef: mine } }",
      want: "mine",
      older: false,
    },
    { title: "the one of the older place", text: "saturationDetector: { pluginRef: mine }", want: "mine", older: true },
  ];
  for (const { title, text, want, older } of cases) {
    it(`is ${title}`, async () => {
      expect((await configOf(theirs + plugins + text)).requests.detector).toBe(want);
      const { warnings } = await saidOf(theirs + plugins + text);
      expect(warnings.some((warning) => warning.startsWith("saturationDetector: is an older place"))).toBe(older);
    });
  }

  it("is added where a plugin has its name", async () => {
    const config = await configOf(`${theirs}plugins: [{ name: utilization-detector, type: queue-scorer }]`);
    expect(config.requests.detector).toBe("utilization-detector/default");
    expect(config.policies.map(({ name }) => name)).toContain("utilization-detector/default");
  });
});

describe("the data layer", () => {
  const source = "{ type: metrics-data-source, parameters: { path: /custom, caCertPath: ca.pem, scheme: https } }";
  const sources = (ref: string) =>
    `sources: [{ pluginRef: ${ref}, extractors: [{ pluginRef: core-metrics-extractor }] }]`;

  it("takes the parameters of the default source without being told to", async () => {
    const { metrics } = (await configOf(`${theirs}plugins: [${queue}, ${source}]`)).dataLayer;
    expect(metrics).toMatchObject({ path: "/custom", caCertPath: "/etc/epp/ca.pem" });
  });

  const cases = [
    { title: "nothing of the default where that is not wanted", dataLayer: "injectDefaults: false", want: undefined },
    {
      title: "what is named where the default is not wanted",
      dataLayer: `injectDefaults: false, ${sources("metrics-data-source")}`,
      want: "/custom",
    },
    { title: "another source by its name", dataLayer: sources("other"), want: "/other" },
  ];
  for (const { title, dataLayer, want } of cases) {
    it(`scrapes ${title}`, async () => {
      const other = "{ name: other, type: metrics-data-source, parameters: { path: /other } }";
      const text = `${theirs}plugins: [${queue}, ${source}, ${other}, { type: core-metrics-extractor }]\ndataLayer: { ${dataLayer} }`;
      expect((await configOf(text)).dataLayer.metrics?.path).toBe(want);
    });
  }

  it("takes endpoints from a file in the configuration's folder", async () => {
    const text = `${theirs}plugins: [{ type: file-discovery, parameters: { path: pool.yaml } }]\n`;
    expect((await saidOf(text)).warnings).toContain(
      "plugins[0]: file-discovery is not named under dataLayer:, so it is never asked (name it there, or remove it)",
    );
    const named = await configOf(`${text}dataLayer: { discovery: { pluginRef: file-discovery } }`);
    expect(named.dataLayer.discovery).toEqual({ path: "/etc/epp/pool.yaml", watch: false });
  });

  it("reads nothing of a source without extractors", async () => {
    const text = `${theirs}plugins: [${queue}, ${source}]\ndataLayer: { injectDefaults: false, sources: [{ pluginRef: metrics-data-source }] }`;
    expect((await configOf(text)).dataLayer.metrics).toBeUndefined();
    expect((await saidOf(text)).warnings).toContain(
      "dataLayer.sources[0]: metrics-data-source has no extractor, so nothing is read of it (write extractors: [{ pluginRef: ... }])",
    );
  });
});

describe("profiles that a handler never runs", () => {
  const profiles = "schedulingProfiles: [{ name: prefill }, { name: decode }, { name: spare }]\n";
  const never = (i: number, profile: string, handler: string) =>
    `schedulingProfiles[${i}]: ${profile} never runs: ${handler} does not choose it (remove it)`;
  const cases = [
    {
      title: "by stage, without a decider",
      plugins: "{ type: disagg-profile-handler }",
      want: [never(0, "prefill", "disagg-profile-handler"), never(2, "spare", "disagg-profile-handler")],
    },
    {
      title: "by stage, prefill first",
      plugins: "{ type: disagg-profile-handler, parameters: { stageOrder: prefill-first } }",
      want: [never(2, "spare", "disagg-profile-handler")],
    },
    {
      title: "by rule",
      plugins:
        "{ name: by, type: profile-rules, parameters: { default: decode, rules: [{ profile: spare, when: { models: [m] } }] } }",
      want: [never(0, "prefill", "by")],
    },
    { title: "by header", plugins: "{ type: header-profile-handler }", want: [] },
  ];
  for (const { title, plugins, want } of cases) {
    it(`are told: ${title}`, async () => {
      const { faults, warnings } = await saidOf(`${theirs}plugins: [${queue}, ${plugins}]\n${profiles}`);
      expect(faults).toEqual([]);
      expect(warnings.filter((warning) => warning.includes("never runs"))).toEqual(want);
    });
  }
});

describe("what policies read", () => {
  it("is asked of the host, the in-flight columns too", async () => {
    const text = (metric: string) =>
      `${ours}plugins: [${queue}, { type: utilization-filter, parameters: { conditions: [{ metric: ${metric}, maxValue: 1 }] } }]`;
    const [own, scraped] = [await configOf(text("active-requests")), await configOf(text("waiting-queue"))];
    expect([own.readsInflight, scraped.readsInflight]).toEqual([true, false]);
    expect(scraped.needs).toContainEqual({ key: "waiting_requests" });
  });
});
