import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type DataLayerSettings, defaultDataLayer, defaultMetricsPage, defaultModelsPage } from "./settings.ts";
import { createPool, type ModelServer, until } from "./testing/pool.ts";

const pool = createPool();
afterEach(() => pool.close());

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "outrider-change-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const withModels: DataLayerSettings = { ...defaultDataLayer, models: { ...defaultModelsPage, intervalMs: 20 } };
const vllm = (waiting: number) =>
  `vllm:num_requests_waiting{model_name="m"} ${waiting}\nvllm:num_requests_running{model_name="m"} 1\n`;
const list = (...data: object[]) => JSON.stringify({ object: "list", data });
const pages = (server: ModelServer, metrics: string, models = "") => {
  server.pages.set("/metrics", metrics);
  if (models !== "") server.pages.set("/v1/models", models);
};

describe("a data layer without endpoints", () => {
  it("does not start, and keeps those of a file that new settings no longer name", async () => {
    await expect(pool.start([]).layer.start()).rejects.toMatchObject({ code: "ENDPOINTS_INVALID" });
    const server = await pool.serve();
    const path = join(folder, "only.yaml");
    writeFileSync(path, `endpoints: [{ name: e0, address: 127.0.0.1, port: "${server.address.split(":")[1]}" }]`);
    const settings = { ...defaultDataLayer, discovery: { path, watch: true } };
    const { layer, addresses } = pool.start([], { settings });
    await layer.start();
    await expect(layer.change(defaultDataLayer)).rejects.toMatchObject({ code: "ENDPOINTS_INVALID" });
    expect(addresses()).toEqual([server.address]);
  });
});

describe("settings that cannot be had", () => {
  const faults = [
    {
      title: "a file of endpoints that is not there",
      settings: { discovery: { path: "/nowhere/pool.yaml", watch: true } },
      code: "ENDPOINTS_INVALID",
    },
    {
      title: "certificates that are not there",
      settings: {
        metrics: { ...defaultMetricsPage, scheme: "https", insecureSkipVerify: false, caCertPath: "/nowhere/ca.pem" },
      },
      code: "CONFIG_INVALID",
    },
    {
      title: "more columns than a table has",
      settings: {
        engines: {
          ...defaultDataLayer.engines,
          engines: [
            {
              engine: "mine",
              series: Array.from({ length: 70 }, (_, i) => ({
                kind: "gauge" as const,
                metric: `m${i}`,
                column: `metric.m${i}` as const,
                combine: "sum" as const,
              })),
            },
          ],
        },
      },
      code: "CONFIG_INVALID",
    },
  ];
  for (const { title, settings, code } of faults) {
    it(`change nothing: ${title}`, async () => {
      const server = await pool.serve();
      pages(server, vllm(3));
      const { layer, row } = pool.start([server]);
      await layer.start();
      await until(() => row(0).waiting === 3);
      const wrong = { ...defaultDataLayer, ...settings } as DataLayerSettings;
      await expect(layer.change(wrong)).rejects.toMatchObject({ code });
      pages(server, vllm(4));
      await until(() => row(0).waiting === 4);
    });
  }
});

describe("a list of models that cannot be had", () => {
  const cases = [
    { title: "bad JSON", body: "{", reason: "invalid" },
    { title: "2 MB", body: list({ id: "x".repeat(2_000_000) }), reason: "too_large" },
    { title: "no page", body: undefined, reason: "status" },
  ];
  for (const { title, body, reason } of cases) {
    it(`leaves the last one, and is counted: ${title}`, async () => {
      const server = await pool.serve();
      pages(server, vllm(3), list({ id: "m" }, { id: "a", parent: "m" }));
      const { layer, row, read } = pool.start([server], { settings: withModels });
      await layer.start();
      await until(() => row(0).sets.adapters !== undefined);
      if (body === undefined) server.pages.delete("/v1/models");
      else server.pages.set("/v1/models", body);
      await until(async () => (await read()).includes(`outrider_model_list_errors_total{reason="${reason}"}`));
      expect(row(0).sets).toMatchObject({ models: ["m"], adapters: ["a"] });
      server.pages.set("/v1/models", list({ id: "n" }));
      await until(() => row(0).sets.models?.[0] === "n");
    });
  }
});

describe("lists of models", () => {
  it("say what each endpoint serves, adapters apart from models, and follow what is loaded", async () => {
    const servers = [await pool.serve(), await pool.serve()];
    pages(servers[0]!, vllm(1), list({ id: "base", parent: null }, { id: "lora", parent: "base" }));
    pages(servers[1]!, vllm(2), list({ id: "other" }));
    const { layer, row } = pool.start(servers, { settings: withModels });
    await layer.start();
    await until(() => row(0).sets.adapters !== undefined && row(1).sets.adapters !== undefined);
    expect(row(0).sets).toMatchObject({ models: ["base"], adapters: ["lora"], adapter_bases: ["lora=base"] });
    expect(row(1).sets).toMatchObject({ models: ["other"], adapters: [], adapter_bases: [] });
    servers[1]!.pages.set("/v1/models", list({ id: "other" }, { id: "fresh", parent: "other" }));
    await until(() => row(1).sets.adapters?.[0] === "fresh");
  });

  it("are fetched from nobody unless the settings say so", async () => {
    const server = await pool.serve();
    pages(server, vllm(1), list({ id: "base" }));
    const { layer } = pool.start([server]);
    await layer.start();
    await until(() => server.callsOf("/metrics") > 5);
    expect(server.callsOf("/v1/models")).toBe(0);
  });
});

describe("a page that hangs", () => {
  it("delays neither another page of its endpoint nor any of another endpoint", async () => {
    const [slow, quick] = [await pool.serve(), await pool.serve()];
    pages(slow, vllm(1), list({ id: "slow" }));
    pages(quick, vllm(1), list({ id: "quick" }));
    slow.hanging.add("/metrics");
    quick.hanging.add("/v1/models");
    const { layer, row } = pool.start([slow, quick], { settings: withModels, timeoutMs: 60_000 });
    await layer.start();
    await until(() => slow.callsOf("/v1/models") > 5 && quick.callsOf("/metrics") > 20);
    expect(row(0)).toMatchObject({ waiting: Number.NaN, sets: { models: ["slow"] } });
    expect(row(1)).toMatchObject({ waiting: 1, sets: { models: ["m"] } });
    expect([slow.callsOf("/metrics"), quick.callsOf("/v1/models")]).toEqual([1, 1]);
  });
});

describe("new settings", () => {
  it("leave what is known of a page that stays the same, connections included", async () => {
    const server = await pool.serve();
    pages(server, vllm(3), list({ id: "base" }));
    const { layer, row } = pool.start([server]);
    await layer.start();
    await until(() => row(0).waiting === 3);
    const connections = server.connections;
    const seen: number[] = [];
    const stop = pool.onPublish(() => seen.push(row(0).waiting));
    await layer.change({ ...withModels, metrics: { ...defaultMetricsPage, intervalMs: 30 } });
    await until(() => row(0).sets.models?.[0] === "base");
    stop();
    expect(new Set(seen)).toEqual(new Set([3]));
    expect(server.connections).toBe(connections + 1);
  });

  it("fetch another page in the place of the one before, whose values are forgotten at once", async () => {
    const server = await pool.serve();
    pages(server, vllm(3));
    server.pages.set("/stats", vllm(8));
    const { layer, row } = pool.start([server]);
    await layer.start();
    await until(() => row(0).waiting === 3);
    server.hanging.add("/stats");
    await layer.change({ ...defaultDataLayer, metrics: { ...defaultMetricsPage, path: "/stats" } });
    expect(row(0)).toMatchObject({ waiting: Number.NaN, ready: true });
    const calls = server.callsOf("/metrics");
    server.release("/stats");
    await until(() => row(0).waiting === 8);
    expect(server.callsOf("/metrics")).toBe(calls);
  });

  it("keep an endpoint out that was not ready", async () => {
    const server = await pool.serve();
    pages(server, vllm(3));
    const { layer, row } = pool.start([server]);
    await layer.start();
    await until(() => row(0).waiting === 3);
    await server.stop();
    await until(() => !row(0).ready);
    await layer.change({ ...defaultDataLayer, metrics: { ...defaultMetricsPage, path: "/stats" } });
    expect(row(0).ready).toBe(false);
  });

  it("end all fetching of a page that they do not name", async () => {
    const server = await pool.serve();
    pages(server, vllm(3), list({ id: "base" }));
    const { layer, row } = pool.start([server], { settings: withModels });
    await layer.start();
    await until(() => row(0).sets.models?.[0] === "base" && row(0).waiting === 3);
    await layer.change({ ...defaultDataLayer, metrics: undefined });
    expect(row(0)).toMatchObject({ waiting: Number.NaN, ready: true, sets: { models: ["m"] } });
    await until(() => server.sockets === 0);
  });

  it("read an endpoint's page by the names of its engine, also where its label changes", async () => {
    const server = await pool.serve();
    pages(server, `${vllm(3)}sglang:num_queue_reqs 9\n`);
    const { layer, row, setLabels } = pool.start([server]);
    await layer.start();
    await until(() => row(0).waiting === 3);
    setLabels(0, { "llm-d.ai/engine-type": "sglang" });
    await until(() => row(0).waiting === 9);
    await layer.change({ ...defaultDataLayer, engines: { ...defaultDataLayer.engines, labelKey: "engine" } });
    setLabels(0, { engine: "vllm" });
    await until(() => row(0).waiting === 3);
  });

  it("fill the columns of an engine that they describe", async () => {
    const server = await pool.serve();
    pages(server, "depth 7\nheat -3\n");
    const { layer, row, column } = pool.start([server]);
    await layer.start();
    const series = [
      { kind: "gauge", metric: "depth", column: "waiting_requests", combine: "sum" },
      { kind: "gauge", metric: "heat", column: "metric.heat", combine: "sum", min: -Infinity },
    ] as const;
    const engines = { labelKey: "engine", defaultEngine: "mine", engines: [{ engine: "mine", series }] };
    await layer.change({ ...defaultDataLayer, engines });
    await until(() => row(0).waiting === 7);
    expect(column("metric.heat")[0]).toBe(-3);
  });

  it("show where endpoints are under the labels that everybody knows", async () => {
    const server = await pool.serve();
    const { layer, row, setLabels } = pool.start([server]);
    await layer.start();
    setLabels(0, { host: "h1", "topology.kubernetes.io/zone": "z1" });
    expect(row(0).labels["kubernetes.io/hostname"]).toBeUndefined();
    await layer.change({ ...defaultDataLayer, topology: { ...defaultDataLayer.topology, hostname: "host" } });
    expect(row(0).labels).toEqual({ host: "h1", "topology.kubernetes.io/zone": "z1", "kubernetes.io/hostname": "h1" });
    await layer.change(defaultDataLayer);
    expect(row(0).labels).toEqual({ host: "h1", "topology.kubernetes.io/zone": "z1" });
  });
});

describe("a file of endpoints in the settings", () => {
  const write = (name: string, ...servers: ModelServer[]) => {
    const path = join(folder, name);
    const endpoints = servers.map(({ address }, i) => ({
      name: `e${i}`,
      address: "127.0.0.1",
      port: address.split(":")[1],
    }));
    writeFileSync(path, JSON.stringify({ endpoints }));
    return path;
  };
  const discovery = (path: string, watch = true) => ({ ...defaultDataLayer, discovery: { path, watch } });

  it("stands in the place of the flags, which count again without it", async () => {
    const [flagged, filed] = [await pool.serve(), await pool.serve()];
    pages(filed, vllm(5));
    const { layer, addresses, table, lines } = pool.start([flagged]);
    await layer.start();
    await layer.change(discovery(write("one.yaml", filed)));
    expect(addresses()).toEqual([filed.address]);
    expect(lines.join("\n")).toContain("those of flags do not count");
    await until(() => table.current.columns.waitingRequests[table.slotOf("default/e0")] === 5);
    await layer.change(defaultDataLayer);
    expect(addresses()).toEqual([flagged.address]);
  });

  it("keeps endpoints, and what is known of them, that another file names too", async () => {
    const [one, two] = [await pool.serve(), await pool.serve()];
    pages(one, vllm(5));
    const { layer, addresses, table } = pool.start([], { settings: discovery(write("first.yaml", one)) });
    await layer.start();
    const waiting = () => table.current.columns.waitingRequests[table.slotOf("default/e0")];
    await until(() => waiting() === 5);
    await layer.change(discovery(write("second.yaml", one, two)));
    expect(addresses()).toEqual([one.address, two.address]);
    expect(waiting()).toBe(5);
  });

  it("is followed where it is watched, and read once where it is not", async () => {
    const [one, two] = [await pool.serve(), await pool.serve()];
    const { layer, addresses } = pool.start([], { settings: discovery(write("watched.yaml", one)) });
    await layer.start();
    write("watched.yaml", one, two);
    await until(() => addresses().length === 2);
    await layer.change(discovery(write("unwatched.yaml", one), false));
    write("unwatched.yaml", one, two);
    write("watched.yaml", two);
    await pool.pause(300);
    expect(addresses()).toEqual([one.address]);
  });

  it("is let go of where its settings are not applied", async () => {
    const [flagged, filed] = [await pool.serve(), await pool.serve()];
    const { layer, addresses } = pool.start([flagged]);
    await layer.start();
    const prepared = await layer.prepare(discovery(write("discarded.yaml", filed)));
    prepared.discard();
    write("discarded.yaml");
    await pool.pause(200);
    expect(addresses()).toEqual([flagged.address]);
  });
});
