import { Counter, Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { createHostMetrics, type HostMetrics } from "./host-metrics.ts";
import { labelValue } from "./labels.ts";
import { createMetricsServer, type MetricsServer } from "./server.ts";

let server: MetricsServer | undefined;
let metrics: HostMetrics | undefined;

afterEach(async () => {
  metrics?.stop();
  await server?.close();
});

async function start(registry: Registry): Promise<string> {
  server = await createMetricsServer(registry, 0);
  return `http://127.0.0.1:${server.port}`;
}

describe("createMetricsServer", () => {
  it("serves the registry as text", async () => {
    const registry = new Registry();
    new Counter({ name: "things_total", help: "Things.", registers: [registry] }).inc(3);
    const response = await fetch(`${await start(registry)}/metrics?x=1`);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toContain("things_total 3\n");
  });

  it("answers when labels were not UTF-8 and very long", async () => {
    const registry = new Registry();
    const counter = new Counter({ name: "m_total", help: "By model.", labelNames: ["model"], registers: [registry] });
    counter.inc({ model: labelValue(Buffer.from('a\xff\n"\\', "latin1")) });
    counter.inc({ model: labelValue("m".repeat(1_000_000)) });
    const text = await (await fetch(`${await start(registry)}/metrics`)).text();
    expect(text.length).toBeLessThan(400);
    expect(text).toContain('m_total{model="a\ufffd\ufffd\\"\\\\"} 1');
  });

  const refusals = [
    { title: "nothing but /metrics", path: "/", method: "GET", want: 404 },
    { title: "no writing", path: "/metrics", method: "POST", want: 405 },
  ];
  for (const { title, path, method, want } of refusals) {
    it(`serves ${title}`, async () => {
      expect((await fetch(`${await start(new Registry())}${path}`, { method })).status).toBe(want);
    });
  }

  it("answers 500 where a metric cannot be read, and goes on serving", async () => {
    const registry = new Registry();
    let broken = true;
    new Counter({
      name: "x_total",
      help: "X.",
      registers: [registry],
      collect() {
        if (broken) throw new Error("not now");
      },
    });
    const address = await start(registry);
    expect((await fetch(`${address}/metrics`)).status).toBe(500);
    broken = false;
    expect((await fetch(`${address}/metrics`)).status).toBe(200);
  });
});

describe("createHostMetrics", () => {
  it("tells of process, event loop, build and configuration", async () => {
    const registry = new Registry();
    metrics = createHostMetrics(registry, "1.2.3");
    metrics.configLoaded(4, 1_700_000_000_500);
    const text = await registry.metrics();
    expect(text).toContain('outrider_build_info{version="1.2.3",node_version="');
    expect(text).toContain("outrider_config_generation 4\n");
    expect(text).toContain("outrider_config_loaded_timestamp_seconds 1700000000.5\n");
    expect(text).toMatch(/outrider_event_loop_lag_seconds\{quantile="0.99"\} [\d.e-]+\n/);
    expect(text).toMatch(/process_cpu_seconds_total [\d.]+\n/);
    expect(text).toMatch(/outrider_main_thread_cpu_seconds_total [\d.]+\n/);
    expect(text).toMatch(/process_resident_memory_bytes \d+\n/);
  });

  it("lets no counter fall between two scrapes", async () => {
    const registry = new Registry();
    metrics = createHostMetrics(registry, "1.2.3");
    const read = async () => Number(/process_cpu_seconds_total ([\d.]+)/.exec(await registry.metrics())?.[1]);
    const first = await read();
    expect(await read()).toBeGreaterThanOrEqual(first);
  });
});
