import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEndpointTable, type EndpointTable, type Plan } from "@outrider/core";
import {
  createLog,
  createPlan,
  createPluginRuntime,
  createPolicies,
  loadConfig,
  type PluginRuntime,
  Registry,
  systemClock,
} from "@outrider/host";
import { plugins as catalogue } from "outrider/plugins";
import { until } from "../../clients/poll.ts";

/** A plugin runtime with one plugin as its child, and one behind a connection that can be cut. */
export interface PluginSystem {
  readonly runtime: PluginRuntime;
  readonly table: EndpointTable;
  readonly plan: Plan;
  /** Drops the second plugin's connection. */
  cut(): void;
  stop(): Promise<void>;
}

/** Endpoints in the table. */
const endpointCount = 100;
const budgetMs = 1_000;

/** Starts it, and waits until both plugins are active. */
export async function startPluginSystem(): Promise<PluginSystem> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-soak-"));
  const [near, far] = [join(folder, "near"), join(folder, "far")];
  const plugin = startPlugin(far);
  const cutter = spawn(process.execPath, [fileURLToPath(new URL("cutter.ts", import.meta.url)), near, far]);
  await until(() => existsSync(near) && existsSync(far), Boolean);
  const config = await readConfig(near, folder);
  const table = createTable();
  const runtime = await createPluginRuntime({
    specs: config.plugins,
    processes: config.processes,
    decisionBudgetMs: budgetMs,
    catalogue,
    host: { instance: "soak", version: "0.0.0" },
    socketDir: folder,
    table,
    clock: systemClock,
    log: createLog(-1),
    registry: new Registry(),
    timing: { backoffMinMs: 1, backoffMaxMs: 2 },
  });
  table.onPublish((snapshot, change) => runtime.publish(snapshot, change));
  await runtime.start(30_000);
  return {
    runtime,
    table,
    plan: createPlan(config, runtime, createPolicies(config.policies), 1),
    cut: () => void cutter.stdin.write("."),
    async stop() {
      await runtime.stop();
      for (const child of [cutter, plugin]) await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Any first-party type as a service of its own, on a socket that the host has not made. */
function startPlugin(socket: string): ChildProcess {
  const env = { ...process.env, OUTRIDER_PLUGIN_SOCKET: socket };
  return spawn(process.execPath, [catalogue["queue-scorer"]!.main], { env, stdio: ["pipe", "ignore", "inherit"] });
}

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end();
  child.kill("SIGTERM");
  await exited;
}

async function readConfig(socket: string, folder: string) {
  const text = `
apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 1s
processes:
- { name: cut, url: "unix:${socket}" }
plugins:
- { name: child, type: prefix-cache, placement: process, grant: [request.block_hashes] }
- { name: cut, type: queue-scorer, process: cut }
`;
  const result = await loadConfig({ name: "soak.yaml", bytes: Buffer.from(text), folder }, catalogue);
  if (result.kind === "invalid") throw new Error(JSON.stringify(result.faults));
  return result.config;
}

function createTable(): EndpointTable {
  const table = createEndpointTable({ epoch: 1 });
  for (let i = 0; i < endpointCount; i++) {
    const slot = table.upsert({ id: `vllm-${i}`, address: `10.0.0.${i}:8000`, labels: {} });
    table.setReady(slot, true);
  }
  table.publish(systemClock.nowMs());
  return table;
}
