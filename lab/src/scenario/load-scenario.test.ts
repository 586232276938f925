import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatFaults } from "@outrider/host";
import { afterAll, describe, expect, it } from "vitest";
import { loadScenario, type RawScenario } from "./load-scenario.ts";
import { parseOverride } from "./overrides.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-scenario-"));
afterAll(() => rmSync(folder, { recursive: true }));
const faultyFolder = fileURLToPath(new URL("fixtures/faulty/", import.meta.url));

const head = "apiVersion: outrider.dev/v1alpha1\nkind: Scenario\n";
const fleet = "fleet: [{ name: pod, count: 2, engine: qwen3-32b:h100:1, kvTokens: 20000 }]\n";
const workload =
  "workload: { kind: unique, promptTokens: 64, outputTokens: 8, arrivals: { kind: poisson, rate: 2, for: 10s } }\n";
const config = "config: epp.yaml\n";
const whole = head + config + fleet + workload;

writeFileSync(join(folder, "epp.yaml"), "kind: EndpointPickerConfig\n");

const load = (text: string | Uint8Array, set: readonly string[] = []) => {
  const file: RawScenario = { name: "runs/scenario.yaml", bytes: Buffer.from(text), folder };
  return loadScenario(
    file,
    set.map((override) => parseOverride(override)!),
  );
};

async function faultsOf(text: string | Uint8Array, set: readonly string[] = []): Promise<string> {
  const result = await load(text, set);
  return result.kind === "invalid" ? formatFaults("scenario.yaml", result.faults) : "";
}

async function scenarioOf(text: string, set: readonly string[] = []) {
  const result = await load(text, set);
  if (result.kind === "invalid") throw new Error(formatFaults("scenario.yaml", result.faults));
  return result.scenario;
}

describe("loadScenario, given a faulty file,", () => {
  for (const file of readdirSync(faultyFolder).filter((name) => name.endsWith(".yaml"))) {
    it(`reports every fault of ${file} at its place`, async () => {
      const bytes = readFileSync(`${faultyFolder}${file}`);
      const result = await loadScenario({ name: file, bytes, folder: faultyFolder });
      const faults = result.kind === "invalid" ? formatFaults(file, result.faults) : "";
      await expect(`${faults}\n`).toMatchFileSnapshot(`${faultyFolder}${file.replace(".yaml", ".txt")}`);
    });
  }

  const cases: readonly { title: string; text: string | Uint8Array; want: RegExp }[] = [
    { title: "nothing at all", text: "", want: /^scenario.yaml:1:1 is empty/ },
    { title: "a list", text: "- 1\n", want: /^scenario.yaml:1:1 must be a map/ },
    { title: "10 MB", text: Buffer.alloc(10_000_000, "a"), want: /^scenario.yaml:1:1 is larger than/ },
    { title: "bytes that are not UTF-8", text: Buffer.from("a: \xff\n", "latin1"), want: /:1:4 is not UTF-8/ },
    { title: "what is no YAML", text: "a: [1\n", want: /is not YAML/ },
    {
      title: "an EndpointPickerConfig",
      text: whole.replace("Scenario", "EndpointPickerConfig"),
      want: /kind: must be/,
    },
    {
      title: "a fleet of a million servers",
      text: whole.replace("count: 2", "count: 9000000"),
      want: /count: must be at most 10000/,
    },
    {
      title: "many groups of many servers",
      text: `${head}${config}${workload}fleet:\n${"- { name: a, count: 9000, engine: qwen3-32b:h100:1 }\n".repeat(5)}`,
      want: /fleet: has 45000 servers, 10000 are the most/,
    },
    {
      title: "a configuration that is not there",
      text: whole.replace("epp.yaml", "none.yaml"),
      want: /:3:9 config: names a file that cannot be read, "none.yaml": ENOENT/,
    },
  ];
  for (const { title, text, want } of cases)
    it(`names ${title}`, async () => expect(await faultsOf(text)).toMatch(want));
});

describe("loadScenario", () => {
  it("completes what is not written", async () => {
    const scenario = await scenarioOf(whole);
    expect(scenario).toMatchObject({
      name: "scenario",
      seed: 1,
      durationMs: Number.POSITIVE_INFINITY,
      scrapeIntervalMs: 50,
      stalenessMs: 0,
      overheadMs: 0,
      clientTimeoutMs: Number.POSITIVE_INFINITY,
      kvTransferUsPerToken: 3,
      warmUpMs: 0,
      events: [],
      disturbances: {},
      configName: "runs/epp.yaml",
      configFolder: folder,
    });
    expect(scenario.servers.map(({ name }) => name)).toEqual(["pod-1", "pod-2"]);
    expect(scenario.servers[0]).toMatchObject({ slowdown: 1, adapters: [], maxAdapters: 0, labels: {} });
    expect(scenario.servers[0]?.engine).toMatchObject({ kvTokens: 20_000, tensorParallel: 1 });
    expect(scenario.servers[0]?.engine).not.toHaveProperty("maxRunning");
  });

  it("reads times, roles, events and disturbances", async () => {
    const scenario = await scenarioOf(`${whole}
duration: 5m
overhead: 60ms
kvTransfer: 3us
clientTimeout: 300s
events:
- { at: 2m, kind: crash, servers: [pod-2] }
- { at: 1m, kind: slowdown, servers: [pod, pod-1], factor: 3 }
- { at: 3m, kind: join, servers: [pod-2], start: 20s }
disturbances:
  queue: { latency: 2ms, missShare: 0.5, outages: [{ at: 9s, for: 1s }, { at: 3s, for: 1s }] }
`);
    expect(scenario).toMatchObject({
      durationMs: 300_000,
      overheadMs: 60,
      kvTransferUsPerToken: 3,
      clientTimeoutMs: 3e5,
    });
    expect(scenario.events).toEqual([
      { kind: "slowdown", atMs: 60_000, servers: ["pod-1", "pod-2"], factor: 3 },
      { kind: "crash", atMs: 120_000, servers: ["pod-2"] },
      { kind: "join", atMs: 180_000, servers: ["pod-2"], startMs: 20_000 },
    ]);
    const outages = [
      { atMs: 3_000, forMs: 1_000 },
      { atMs: 9_000, forMs: 1_000 },
    ]; // in the order of time
    expect(scenario.disturbances).toEqual({ queue: { latencyMs: 2, missShare: 0.5, outages } });
  });

  it("takes an engine in own numbers, and a mixed fleet with roles", async () => {
    const groups = `fleet:
- { name: prefill, engine: { model: llama-3.1-8b, hardware: h200 }, role: prefill }
- name: decode
  count: 3
  engine:
    model: { parameters: 1e9, layers: 16, heads: 16, kvHeads: 4, headSize: 64 }
    hardware: { memoryBytes: 24e9, bandwidthBytesPerS: 1e12, peakFlops: 1e14, prefillEfficiency: 0.4, prefillEfficiencySingle: 0.5 }
    tensorParallel: 2
  role: decode
  labels: { zone: a }
  adapters: [de, fr]
  slowdown: 1.5
`;
    const { servers } = await scenarioOf(head + config + groups + workload);
    expect(servers.map(({ name, labels }) => [name, labels["llm-d.ai/role"]])).toEqual([
      ["prefill-1", "prefill"],
      ["decode-1", "decode"],
      ["decode-2", "decode"],
      ["decode-3", "decode"],
    ]);
    expect(servers[3]).toMatchObject({ labels: { zone: "a" }, adapters: ["de", "fr"], maxAdapters: 2, slowdown: 1.5 });
    expect(servers[3]?.engine).toMatchObject({ tensorParallel: 2, model: { layers: 16 } });
  });

  const inner = [
    { title: "below its key", text: "config:\n  kind: EndpointPickerConfig\n  plugins:\n  - type: nothing\n" },
    { title: "beside its key", text: "config: { kind: EndpointPickerConfig,\n    plugins: [{ type: nothing }] }\n" },
  ];
  for (const { title, text } of inner) {
    it(`keeps the place of a configuration that stands ${title}`, async () => {
      const { configText, configName, configFolder } = await scenarioOf(head + fleet + workload + text);
      const at = (whole: string) => whole.split("\n").findIndex((line) => line.includes("nothing"));
      const full = head + fleet + workload + text;
      expect(at(configText)).toBe(at(full));
      expect(configText.split("\n")[at(full)]?.indexOf("nothing")).toBe(full.split("\n")[at(full)]?.indexOf("nothing"));
      expect([configName, configFolder]).toEqual(["runs/scenario.yaml", folder]);
    });
  }

  it("takes values in the place of those that are written", async () => {
    const set = ["fleet[0].count=5", "workload.arrivals={ kind: constant, rate: 9, for: 1s }", "seed=7"];
    const scenario = await scenarioOf(whole, set);
    expect([scenario.servers.length, scenario.seed]).toEqual([5, 7]);
    let count = 0;
    for await (const batch of scenario.workload.open(1)) count += batch.length;
    expect(count).toBe(9);
  });

  it("changes a configuration within the scenario", async () => {
    const text = `${head}${fleet}${workload}config: { kind: EndpointPickerConfig, plugins: [{ type: a }] }\n`;
    const { configText } = await scenarioOf(text, ["config.plugins[0].type=b"]);
    expect(configText).toBe("kind: EndpointPickerConfig\nplugins:\n  - type: b\n");
  });

  it("names the field of a value that was given beside the file", async () => {
    expect(await faultsOf(whole, ["fleet[0].count=none"])).toMatch(/fleet\[0\].count: must be a finite number/);
    expect(await faultsOf(whole, ["fleet[0].cuont=3"])).toMatch(
      /cuont: there is no such field \(did you mean count\?\)/,
    );
  });

  it("reads traces and configurations from the folder of the scenario", async () => {
    mkdirSync(join(folder, "traces"), { recursive: true });
    writeFileSync(
      join(folder, "traces/t.jsonl"),
      '{"timestamp":5,"input_length":16,"output_length":1,"hash_ids":[3]}\n',
    );
    const scenario = await scenarioOf(`${head}${config}${fleet}workload: { kind: trace, file: traces/t.jsonl }\n`);
    for await (const batch of scenario.workload.open(1)) expect(batch).toHaveLength(1);
  });
});

describe("parseOverride", () => {
  const cases = [
    { text: "a=1", want: { path: ["a"], value: 1 } },
    { text: "a.b[2].c-d=x=y", want: { path: ["a", "b", 2, "c-d"], value: "x=y" } },
    { text: "a={ b: 5ms }", want: { path: ["a"], value: { b: "5ms" } } },
    { text: "a=", want: { path: ["a"], value: null } },
    { text: "=1", want: undefined },
    { text: "a", want: undefined },
    { text: "a..b=1", want: undefined },
    { text: "a[x]=1", want: undefined },
    { text: "a=[", want: undefined },
  ];
  for (const { text, want } of cases) it(`reads ${text}`, () => expect(parseOverride(text)).toEqual(want));
});
