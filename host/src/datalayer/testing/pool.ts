import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createEndpointTable, type EndpointEntry } from "@outrider/core";
import { type Logger, pino } from "pino";
import { Registry } from "prom-client";
import { systemClock } from "../../system-clock.ts";
import { createDataLayer, type DataLayer, type DataLayerOptions } from "../data-layer.ts";
import type { EndpointSource, SourceListener } from "../endpoint-source.ts";

/** A model server that answers with pages by their path, and 404. */
export interface ModelServer {
  readonly address: string;
  readonly pages: Map<string, string>;
  /** Paths that are not answered. */
  readonly hanging: Set<string>;
  /** Connections so far, and those that are open. */
  readonly connections: number;
  readonly sockets: number;
  callsOf(path: string): number;
  /** Answers a path that was hanging, those who wait included. */
  release(path: string): void;
  stop(): Promise<void>;
}

/** A data layer over model servers, with what can be seen of it. */
export interface Layered {
  readonly layer: DataLayer;
  readonly table: ReturnType<typeof createEndpointTable>;
  /** Its log. */
  readonly lines: readonly string[];
  /** Its metrics. */
  read(): Promise<string>;
  /** Endpoint of the n-th server, as the last snapshot has it. */
  row(index: number): {
    readonly waiting: number;
    readonly ready: boolean;
    readonly labels: Readonly<Record<string, string>>;
    readonly sets: Readonly<Record<string, readonly string[]>>;
  };
  column(key: string): Float32Array;
  addresses(): readonly string[];
  setLabels(index: number, labels: Readonly<Record<string, string>>): void;
}

/** Data layers over model servers on loopback; `close` ends all of them. */
export function createPool() {
  const open: (() => void)[] = [];
  let layered: Layered | undefined;
  return {
    async serve(): Promise<ModelServer> {
      const server = await startServer();
      open.push(() => void server.stop());
      return server;
    },
    start(servers: readonly ModelServer[], options: Partial<DataLayerOptions> = {}): Layered {
      layered = createLayered(servers, options);
      const { layer } = layered;
      open.push(() => layer.stop());
      return layered;
    },
    onPublish: (listener: () => void) => layered!.table.onPublish(listener),
    pause: (ms: number) => sleep(ms),
    close() {
      for (const end of open.splice(0)) end();
    },
  };
}

/** Waits for as long as the test may run. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(2);
}

function createLayered(servers: readonly ModelServer[], options: Partial<DataLayerOptions>): Layered {
  const table = createEndpointTable({ epoch: 1 });
  const registry = new Registry();
  const lines: string[] = [];
  const logger: Logger = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const source = createSource(servers);
  const sources = servers.length === 0 ? [] : [source];
  const common = { table, sources, intervalMs: 10, clock: systemClock, random: Math.random, logger, registry };
  const layer = createDataLayer({ ...common, ...options });
  return {
    layer,
    table,
    lines,
    read: () => registry.metrics(),
    row(index) {
      const { current } = table;
      const slot = table.slotOf(`e${index}`);
      const { labels, sets } = current.at(slot)!;
      return { waiting: current.columns.waitingRequests[slot]!, ready: current.ready[slot] === 1, labels, sets };
    },
    column: (key) => table.current.columns.get(key),
    addresses: () => [...table.current.live].map((slot) => table.current.at(slot)!.address),
    setLabels: source.setLabels,
  };
}

function createSource(servers: readonly ModelServer[]) {
  let told: SourceListener | undefined;
  let list: readonly EndpointEntry[] = servers.map(({ address }, i) => ({ id: `e${i}`, address, labels: {} }));
  const source: EndpointSource = {
    name: "flags",
    start: async (listener) => {
      told = listener;
      return list;
    },
    stop: () => undefined,
  };
  const setLabels = (index: number, labels: Readonly<Record<string, string>>) => {
    list = list.map((entry, i) => (i === index ? { ...entry, labels } : entry));
    told!.onEndpoints(list);
  };
  return { ...source, setLabels };
}

async function startServer(): Promise<ModelServer> {
  const pages = new Map<string, string>();
  const hanging = new Set<string>();
  const waiting: { readonly path: string; readonly response: ServerResponse }[] = [];
  const calls = new Map<string, number>();
  const sockets = new Set<Socket>();
  let connections = 0;
  const answer = (path: string, response: ServerResponse) => {
    const page = pages.get(path);
    response.writeHead(page === undefined ? 404 : 200).end(page);
  };
  const server = createServer(({ url = "" }, response) => {
    calls.set(url, (calls.get(url) ?? 0) + 1);
    if (hanging.has(url)) waiting.push({ path: url, response });
    else answer(url, response);
  });
  server.on("connection", (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    pages,
    hanging,
    get connections() {
      return connections;
    },
    get sockets() {
      return sockets.size;
    },
    callsOf: (path) => calls.get(path) ?? 0,
    release(path) {
      hanging.delete(path);
      for (const held of waiting) if (held.path === path) answer(path, held.response);
    },
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
