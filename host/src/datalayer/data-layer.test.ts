import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type CycleClock, createEndpointTable, type EndpointEntry, OutriderError } from "@outrider/core";
import { type Logger, pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { createDataLayer } from "./data-layer.ts";
import type { EndpointSource, SourceListener } from "./endpoint-source.ts";

const page = readFileSync(new URL("fixtures/vllm-metrics.txt", import.meta.url), "utf8");

const clock: CycleClock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  after: (delayMs, callback) => setTimeout(callback, delayMs),
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** What to undo behind a test. */
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

describe("a data layer that cannot start", () => {
  it("tells the faults of all sources at once", async () => {
    const failing = (name: string): EndpointSource => ({
      name,
      start: () => Promise.reject(new OutriderError("ENDPOINTS_INVALID", `${name} is wrong`)),
      stop: () => undefined,
    });
    const { layer } = create([failing("one"), failing("two")]);
    await expect(layer.start()).rejects.toMatchObject({
      code: "ENDPOINTS_INVALID",
      message: "one is wrong\ntwo is wrong",
    });
  });
});

describe("a metrics page that is wrong", () => {
  const respondWith = (body: string, headers = {}) => {
    const respond: RequestListener = (_, response) => response.writeHead(200, headers).end(body);
    return respond;
  };
  const broken: readonly { title: string; reason: string; respond: RequestListener }[] = [
    { title: "HTML", reason: "invalid", respond: respondWith("<html>vllm:num_requests_waiting 3</html>\n") },
    { title: "500", reason: "status", respond: (_, response) => response.writeHead(500).end(page) },
    { title: "404", reason: "status", respond: (_, response) => response.writeHead(404).end("Not Found") },
    { title: "100 MB", reason: "too_large", respond: respondWith("x", { "content-length": 100_000_000 }) },
    { title: "a reset", reason: "reset", respond: (request) => request.socket.resetAndDestroy() },
    { title: "a hang", reason: "timeout", respond: () => undefined },
  ];
  for (const { title, reason, respond } of broken) {
    it(`leaves an endpoint unknown and ready, and is counted as ${reason}: ${title}`, async () => {
      const server = await serve(respond);
      const { layer, table, registry } = create([listOf(server.address)], { timeoutMs: 200 });
      await layer.start();
      await untilAsync(async () => (await read(registry)).includes(`outrider_scrape_errors_total{reason="${reason}"}`));
      expect(row(table, "e0")).toMatchObject({ ready: true, waiting: Number.NaN });
      server.respond = respondWith(page);
      await until(() => row(table, "e0").waiting === 6);
    });
  }

  it("loses the values that are no measurements, and no other", async () => {
    const server = await serve(respondWith(page));
    const { layer, table } = create([listOf(server.address)]);
    await layer.start();
    await until(() => row(table, "e0").waiting === 6);
    server.respond = respondWith(page.replace(/^(vllm:num_requests_waiting\{.*\}) .*$/m, "$1 NaN"));
    await until(() => Number.isNaN(row(table, "e0").waiting));
    expect(row(table, "e0")).toMatchObject({ ready: true, running: 2 });
    server.respond = respondWith(page.slice(0, page.indexOf("vllm:num_requests_running{") + 40));
    await until(() => Number.isNaN(row(table, "e0").running));
  });
});

describe("a data layer", () => {
  it("publishes the endpoints before their first page, with everything unknown", async () => {
    const { layer, table } = create([listOf("10.0.0.1:80")], { connect: () => silent });
    await layer.start();
    expect(row(table, "e0")).toMatchObject({ ready: true, waiting: Number.NaN, address: "10.0.0.1:80" });
    expect(table.current.rev).toBe(1);
  });

  it("reads the page of each endpoint into the table", async () => {
    const servers = await Promise.all([0, 1, 2].map((i) => serve((_, response) => response.end(withWaiting(i)))));
    const { layer, table, registry } = create([listOf(...servers.map(({ address }) => address))]);
    await layer.start();
    await until(() => [0, 1, 2].every((i) => row(table, `e${i}`).waiting === i));
    expect(row(table, "e1")).toMatchObject({ running: 2, ready: true });
    expect(table.current.at(table.slotOf("e1"))!.sets).toEqual({
      models: ["tiny-qwen3"],
      adapters_running: ["food-review"],
      adapters_waiting: ["food-review"],
    });
    expect(await read(registry)).toMatch(/outrider_endpoints\{state="ready"\} 3\n/);
  });

  it("publishes at most once a round", async () => {
    const servers = await Promise.all([0, 1, 2, 3].map(() => serve((_, response) => response.end(page))));
    const { layer, table } = create([listOf(...servers.map(({ address }) => address))]);
    let published = 0;
    table.onPublish(() => published++);
    await layer.start();
    await until(() => servers.every(({ calls }) => calls >= 10));
    expect(published).toBeLessThanOrEqual(1 + Math.max(...servers.map(({ calls }) => calls)));
  });

  it("notices a model server that goes, comes back, and was restarted", async () => {
    const server = await serve((_, response) => response.end(page));
    const { layer, table, registry } = create([listOf(server.address)]);
    await layer.start();
    await until(() => row(table, "e0").waiting === 6);
    await server.stop();
    await until(() => !row(table, "e0").ready);
    expect(await read(registry)).toMatch(/outrider_endpoints\{state="not_ready"\} 1\n/);
    await server.start((_, response) =>
      response.end(page.replace(/^process_start_time_seconds .*$/m, "process_start_time_seconds 1.8e+09")),
    );
    await until(() => row(table, "e0").ready);
    expect(row(table, "e0").incarnation).toBe(1);
    expect(await read(registry)).toContain("outrider_endpoint_restarts_total 1\n");
  });

  it("follows its sources: endpoints that come, move, change their labels and go", async () => {
    const server = await serve((_, response) => response.end(page));
    const source = changing([entry("a", "10.0.0.1:80"), entry("b", server.address)]);
    const { layer, table } = create([source]);
    await layer.start();
    await until(() => row(table, "b").waiting === 6);
    const slot = table.slotOf("b");
    source.set([entry("b", server.address, { role: "decode" }), entry("c", "10.0.0.3:80")]);
    expect(table.slotOf("a")).toBe(-1);
    expect(table.current.at(slot)).toMatchObject({ id: "b", labels: { role: "decode" }, incarnation: 0 });
    expect(row(table, "b").waiting).toBe(6);
    source.set([entry("b", "10.0.0.9:80"), entry("c", "10.0.0.3:80")]);
    expect(row(table, "b")).toMatchObject({ address: "10.0.0.9:80", waiting: Number.NaN, ready: true, incarnation: 1 });
    source.set([]);
    expect(table.current.live).toHaveLength(0);
  });

  it("takes the first of two endpoints with one id or address", async () => {
    const sources = [
      changing([entry("a", "10.0.0.1:80")]),
      changing([entry("a", "10.0.0.2:80"), entry("b", "10.0.0.1:80"), entry("c", "10.0.0.3:80")]),
    ];
    const { layer, table } = create(sources, { connect: () => silent });
    await layer.start();
    expect([...table.current.live].map((slot) => table.current.at(slot)!.address)).toEqual([
      "10.0.0.1:80",
      "10.0.0.3:80",
    ]);
  });

  it("keeps the last good list of a source that fails, logs it and shows it", async () => {
    const source = changing([entry("a", "10.0.0.1:80")]);
    const { layer, table, registry, lines } = create([source], { connect: () => silent });
    await layer.start();
    source.fail(new OutriderError("ENDPOINTS_INVALID", "pool.yaml:1:1 is wrong"));
    expect(table.slotOf("a")).toBe(0);
    expect(lines.filter((line) => line.includes("pool.yaml:1:1 is wrong"))).toHaveLength(1);
    expect(await read(registry)).toContain('outrider_endpoint_source_in_force{source="pool.yaml"} 0\n');
    source.set([]);
    expect(await read(registry)).toContain('outrider_endpoint_source_in_force{source="pool.yaml"} 1\n');
  });

  it("logs a fault that repeats once", async () => {
    const server = await serve((_, response) => response.writeHead(500).end());
    const { layer, lines } = create([listOf(server.address)]);
    await layer.start();
    await until(() => server.calls >= 4);
    expect(lines.filter((line) => line.includes("scrape failed: status 500"))).toHaveLength(1);
  });

  it("scrapes no more behind a stop", async () => {
    const server = await serve((_, response) => response.end(page));
    const { layer } = create([listOf(server.address)]);
    await layer.start();
    await until(() => server.calls > 0);
    layer.stop();
    await until(() => server.sockets.size === 0);
  });
});

const silent = { connected: true, fetch: () => undefined, close: () => undefined };

function create(sources: readonly EndpointSource[], options: Partial<Parameters<typeof createDataLayer>[0]> = {}) {
  const table = createEndpointTable({ epoch: 1 });
  const registry = new Registry();
  const lines: string[] = [];
  const logger: Logger = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const common = { table, sources, intervalMs: 10, clock, random: Math.random, logger, registry };
  const layer = createDataLayer({ ...common, ...options });
  open.push(() => layer.stop());
  return { layer, table, registry, lines };
}

function withWaiting(waiting: number): string {
  return page.replace(/^(vllm:num_requests_waiting\{.*\}) .*$/m, `$1 ${waiting}.0`);
}

const entry = (id: string, address: string, labels: Record<string, string> = {}): EndpointEntry => ({
  id,
  address,
  labels,
});

function listOf(...addresses: readonly string[]): EndpointSource {
  return changing(addresses.map((address, i) => entry(`e${i}`, address)));
}

/** A source whose list the test changes. */
function changing(list: readonly EndpointEntry[]) {
  let told: SourceListener | undefined;
  return {
    name: "pool.yaml",
    start: async (listener: SourceListener) => {
      told = listener;
      return list;
    },
    stop: () => undefined,
    set: (next: readonly EndpointEntry[]) => told!.onEndpoints(next),
    fail: (fault: OutriderError) => told!.onFault(fault),
  };
}

/** An endpoint as the last snapshot has it. */
function row(table: ReturnType<typeof createEndpointTable>, id: string) {
  const { current } = table;
  const slot = table.slotOf(id);
  return {
    ready: current.ready[slot] === 1,
    waiting: current.columns.waitingRequests[slot],
    running: current.columns.runningRequests[slot],
    address: current.at(slot)!.address,
    incarnation: current.at(slot)!.incarnation,
  };
}

/** A model server that may be stopped and started at its address. */
async function serve(respond: RequestListener) {
  const sockets = new Set<Socket>();
  let server: Server;
  const listen = async (port: number) => {
    server = createServer((request, response) => {
      control.calls += 1;
      control.respond(request, response);
    });
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const control = { address: "", calls: 0, sockets, respond, stop, start };
  async function start(next: RequestListener): Promise<void> {
    control.respond = next;
    await listen(port);
  }
  const port = await listen(0);
  control.address = `127.0.0.1:${port}`;
  open.push(() => server.listening && void stop());
  return control;
}

const read = (registry: Registry) => registry.metrics();

function until(condition: () => boolean): Promise<void> {
  return untilAsync(async () => condition());
}

async function untilAsync(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}
