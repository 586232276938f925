import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { EndpointChange, EndpointSnapshot } from "@outrider/core";
import {
  createConfigInForce,
  createPluginRuntime,
  type HostConfig,
  type Log,
  type PluginCatalogue,
  type PluginRuntime,
  type RecordedTable,
  Registry,
  systemClock,
} from "@outrider/host";
import { type HeldPlugins, holdPlugins } from "./held-plugins.ts";
import { ReplayError } from "./replay-error.ts";
import { patienceMs } from "./turn.ts";

/** What decisions are made again by: the plugins of a configuration, running, and the plan that is made from them. */
export interface ReplayHost {
  readonly inForce: ReturnType<typeof createConfigInForce>;
  readonly plugins: HeldPlugins;
  /** Hands on a step of the table. */
  publish(snapshot: EndpointSnapshot, change: EndpointChange): void;
  /**
   * Settles when whoever is asked now knows all that was published and told before, and nothing that comes behind what
   * it was asked before; `undefined` = at once.
   */
  caughtUp(): Promise<void> | undefined;
  /** Sends at once what plugins were told. */
  flush(): void;
  stop(): Promise<void>;
}

/** What it is made of. */
export interface ReplayHostParts {
  readonly config: HostConfig;
  readonly catalogue: PluginCatalogue;
  readonly table: RecordedTable;
  readonly log: Log;
}

/** Recorded time stands still while plugins answer: nothing is held against them. */
const timing = { ejectErrors: Number.POSITIVE_INFINITY, ejectMissShare: 1, violationLimit: Number.POSITIVE_INFINITY };
const idleClock = { ...systemClock, elapsedMs: () => 0 };

/** @throws {ReplayError} where a plugin does not run; {@link OutriderError} `CONFIG_INVALID`. */
export async function openReplayHost({ config, catalogue, table, log }: ReplayHostParts): Promise<ReplayHost> {
  const runtime = await createPluginRuntime({
    specs: config.plugins,
    processes: config.processes,
    workers: config.workers,
    decisionBudgetMs: config.budgetMs,
    catalogue,
    host: { instance: "replay", version: "0.0.0" },
    socketDir: tmpdir(),
    table,
    clock: systemClock,
    inlineClock: idleClock,
    log,
    registry: new Registry(),
    timing,
  });
  try {
    await runtime.start(patienceMs);
    checkRunning(runtime);
  } catch (cause) {
    await runtime.stop();
    throw cause;
  }
  const plugins = holdPlugins(runtime);
  const inForce = createConfigInForce(config, {
    plugins,
    dataLayer: { prepare: () => Promise.reject(new Error("a replay keeps its configuration")) },
    clock: systemClock,
    log,
    loaded() {},
  });
  const hasRemote = config.plugins.some(({ placement }) => placement !== "inline");
  return {
    inForce,
    plugins,
    publish: (snapshot, change) => runtime.publish(snapshot, change),
    caughtUp: () => (hasRemote ? plugins.settled().then(() => untilTold(runtime)) : undefined),
    flush: () => void runtime.flush(),
    stop: () => runtime.stop(),
  };
}

function checkRunning(runtime: PluginRuntime): void {
  const lost = runtime.status().find(({ state }) => state !== "active");
  if (lost === undefined) return;
  const why = lost.message === "" ? "" : `: ${lost.message}`;
  throw new ReplayError(`plugin ${lost.name} (${lost.type}) is ${lost.state}${why}`);
}

async function untilTold(runtime: PluginRuntime): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!(runtime.flush() && isServing(runtime))) {
    if (performance.now() > endMs) checkRunning(runtime);
    if (performance.now() > endMs) return;
    await delay(1);
  }
}

function isServing(runtime: PluginRuntime): boolean {
  return runtime.status().every(({ state }) => state === "active");
}
