import { describe, expect, it } from "vitest";
import { scrapedColumns } from "../../datalayer/engine-spec.ts";
import { type DataLayerSettings, defaultDataLayer } from "../../datalayer/settings.ts";
import { dataTypes } from "../data.ts";

const typeOf = (type: string) => dataTypes.find((each) => each.type === type)!;

/** What the parameters come to, or what is wrong with them by its path. */
function read(type: string, parameters: object): unknown {
  const result = typeOf(type).parameters.safeParse(parameters);
  return result.success
    ? result.data
    : Object.fromEntries(result.error!.issues.map((issue) => [issue.path.join("."), issue.message]));
}

function settingsOf(type: string, parameters: object): DataLayerSettings {
  return typeOf(type).data!(read(type, parameters) as never, defaultDataLayer);
}

const engine = (more: object) => ({ engineConfigs: [{ name: "mine", ...more }] });

describe("parameters that are refused", () => {
  const cases = [
    { type: "metrics-data-source", given: { scheme: "ftp" }, at: "scheme" },
    { type: "metrics-data-source", given: { path: "metrics" }, at: "path" },
    { type: "metrics-data-source", given: { path: "/metrics\r\nx: y" }, at: "path" },
    { type: "metrics-data-source", given: { port: 70_000 }, at: "port" },
    { type: "metrics-data-source", given: { interval: "0s" }, at: "interval" },
    { type: "metrics-data-source", given: { interval: "50" }, at: "interval" },
    { type: "metrics-data-source", given: { interval: "2h" }, at: "interval" },
    { type: "metrics-data-source", given: { clientCertPath: "a.pem" }, at: "clientCertPath" },
    { type: "metrics-data-source", given: { clientKeyPath: "a.key" }, at: "clientCertPath" },
    { type: "metrics-data-source", given: { timeout: "1s" }, at: "" },
    { type: "core-metrics-extractor", given: { defaultEngine: "abacus" }, at: "defaultEngine" },
    { type: "core-metrics-extractor", given: engine({}), at: "engineConfigs.0" },
    { type: "core-metrics-extractor", given: engine({ name: "", kvUsageSpec: "x" }), at: "engineConfigs.0.name" },
    {
      type: "core-metrics-extractor",
      given: engine({ name: "default", kvUsageSpec: "x" }),
      at: "engineConfigs.0.name",
    },
    {
      type: "core-metrics-extractor",
      given: engine({ queuedRequestsSpec: "rate(x)" }),
      at: "engineConfigs.0.queuedRequestsSpec",
    },
    { type: "core-metrics-extractor", given: engine({ queueSpec: "x" }), at: "engineConfigs.0" },
    {
      type: "core-metrics-extractor",
      given: {
        engineConfigs: [
          { name: "a", kvUsageSpec: "x" },
          { name: "a", kvUsageSpec: "y" },
        ],
      },
      at: "engineConfigs.1.name",
    },
    {
      type: "core-metrics-extractor",
      given: engine({ customMetrics: [{ attributeKey: "two words", metricSpec: "x" }] }),
      at: "engineConfigs.0.customMetrics.0.attributeKey",
    },
    {
      type: "core-metrics-extractor",
      given: engine({ customMetrics: [{ attributeKey: "x", metricSpec: "" }] }),
      at: "engineConfigs.0.customMetrics.0.metricSpec",
    },
    { type: "file-discovery", given: {}, at: "path" },
    { type: "file-discovery", given: { path: "" }, at: "path" },
    { type: "token-producer", given: { vllm: {} }, at: "" },
  ];
  for (const { type, given, at } of cases) {
    it(`are told by their path: ${type} ${JSON.stringify(given)}`, () => {
      expect(Object.keys(read(type, given) as object)).toEqual([at]);
    });
  }

  it("name the engines there are", () => {
    expect(read("core-metrics-extractor", { ...engine({ kvUsageSpec: "x" }), defaultEngine: "abacus" })).toEqual({
      defaultEngine:
        "there is no engine abacus: write one of vllm, sglang, trtllm-serve, triton-tensorrt-llm, triton, mine, " +
        "or add it to engineConfigs",
    });
  });
});

describe("a page of endpoints", () => {
  it("is fetched as the reference EPP does where nothing is said", () => {
    const page = {
      scheme: "http",
      port: 0,
      insecureSkipVerify: true,
      caCertPath: "",
      clientCertPath: "",
      clientKeyPath: "",
    };
    expect(settingsOf("metrics-data-source", {}).metrics).toEqual({ ...page, path: "/metrics", intervalMs: 0 });
    expect(settingsOf("models-data-source", {}).models).toEqual({ ...page, path: "/v1/models", intervalMs: 2_000 });
  });

  it("is fetched as the parameters say", () => {
    const given = { scheme: "https", path: "/m?x=1", port: 9400, insecureSkipVerify: false, caCertPath: "ca.pem" };
    const pair = { clientCertPath: "a.pem", clientKeyPath: "a.key" };
    const { metrics } = settingsOf("metrics-data-source", { ...given, ...pair, interval: "1.5s" });
    expect(metrics).toEqual({ ...given, ...pair, intervalMs: 1_500 });
  });

  const odd = [
    { title: "an authority over http", given: { caCertPath: "ca.pem" }, at: ["caCertPath"] },
    { title: "an authority that nobody asks", given: { scheme: "https", caCertPath: "ca.pem" }, at: ["caCertPath"] },
    { title: "nothing", given: { scheme: "https", caCertPath: "ca.pem", insecureSkipVerify: false }, at: undefined },
  ];
  for (const { title, given, at } of odd) {
    it(`is odd for ${title}`, () => {
      const oddities = typeOf("metrics-data-source").oddities!(read("metrics-data-source", given) as never);
      expect(oddities.map(({ path }) => path)).toEqual(at === undefined ? [] : [at]);
    });
  }
});

describe("the engines of a configuration", () => {
  it("are none but the built-in ones where nothing is said", () => {
    expect(settingsOf("core-metrics-extractor", {})).toEqual(defaultDataLayer);
    expect(settingsOf("core-metrics-extractor", { engineLabelKey: "", defaultEngine: "" })).toEqual(defaultDataLayer);
  });

  it("are read by their specs", () => {
    const { engines } = settingsOf("core-metrics-extractor", {
      engineLabelKey: "engine",
      defaultEngine: "mine",
      ...engine({
        queuedRequestsSpec: "queue{status=waiting}",
        runningRequestsSpec: "running",
        kvUsageSpec: "kv",
        loraSpec: "lora",
        cacheInfoSpec: "cache",
        cacheNumBlocksLabelName: "pages",
        customMetrics: [{ attributeKey: "heat", metricSpec: "heat{gpu=0}", combine: "max" }],
      }),
    });
    expect(engines).toMatchObject({ labelKey: "engine", defaultEngine: "mine" });
    const [spec] = engines.engines;
    expect(spec!.series).toContainEqual({
      kind: "gauge",
      metric: "queue",
      match: { status: "waiting" },
      column: "waiting_requests",
      combine: "sum",
    });
    expect(scrapedColumns(spec!)).toEqual([
      "running_requests",
      "waiting_requests",
      "kv_cache_usage",
      "max_adapters",
      "kv_block_tokens",
      "kv_total_blocks",
      "metric.heat",
    ]);
  });
});

describe("where endpoints come from", () => {
  it("is the file that is named", () => {
    expect(settingsOf("file-discovery", { path: "pool.yaml" }).discovery).toEqual({ path: "pool.yaml", watch: false });
    const { discovery } = settingsOf("file-discovery", { path: "pool.yaml", watchFile: true });
    expect(discovery).toEqual({ path: "pool.yaml", watch: true });
  });

  it("shows where they are by the labels that are named", () => {
    expect(settingsOf("topology-extractor", { hostname: "node", rack: "" }).topology).toEqual({
      ...defaultDataLayer.topology,
      hostname: "node",
    });
  });
});
