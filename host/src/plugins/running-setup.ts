import { isDeepStrictEqual } from "node:util";
import type { Producer, Scorer } from "@outrider/core";
import { type Need, OutriderError } from "@outrider/core/contract";
import type { HostPlugin } from "./host-plugin.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { PluginPort } from "./plugin-port.ts";
import type { PluginProcess } from "./plugin-process.ts";
import type { PluginSetup, PluginSpec, PluginState } from "./types.ts";

/** A configured plugin that runs in the host's own process. */
export interface LocalPlugin {
  readonly kind: "local";
  readonly spec: PluginSpec;
  readonly entry: PluginEntry;
  readonly plugin: HostPlugin;
}

/** A configured plugin behind a connection. */
export interface PortedPlugin {
  readonly kind: "ported";
  readonly spec: PluginSpec;
  readonly port: PluginPort;
  readonly process: PluginProcess;
}

/** A configured plugin that runs. */
export type RunningPlugin = LocalPlugin | PortedPlugin;

/** A setup and what runs for it. */
export interface RunningSetup {
  readonly setup: PluginSetup;
  /** By name, in the order of the configuration. */
  readonly plugins: ReadonlyMap<string, RunningPlugin>;
  /** Processes that some plugin names, by name. */
  readonly processes: ReadonlyMap<string, PluginProcess>;
  /** Generations of plugins that are in force, or will be when this setup is. */
  readonly cohort: Set<PluginEntry>;
}

/** State of the generation in force. */
export function entryOf(plugin: RunningPlugin): PluginEntry {
  return plugin.kind === "local" ? plugin.entry : plugin.port.entry;
}

/** @throws {OutriderError} `CONFIG_INVALID` for a producer. */
export function scorerOf(plugin: RunningPlugin): Scorer {
  const scorer = plugin.kind === "local" ? plugin.plugin.scorer : plugin.port.scorer;
  if (scorer !== undefined) return scorer;
  throw new OutriderError("CONFIG_INVALID", `${plugin.spec.path}: ${plugin.spec.name} is a producer`);
}

/** @throws {OutriderError} `CONFIG_INVALID` for a scorer. */
export function producerOf(plugin: RunningPlugin): Producer {
  const producer = plugin.kind === "local" ? plugin.plugin.producer : plugin.port.producer;
  if (producer !== undefined) return producer;
  throw new OutriderError("CONFIG_INVALID", `${plugin.spec.path}: ${plugin.spec.name} is a scorer`);
}

/** States that nobody waits for the end of. */
const settledStates: ReadonlySet<PluginState> = new Set([
  "active",
  "degraded",
  "ejected",
  "failed",
  "quarantined",
  "stopped",
]);

/** Whether a plugin is as ready as it gets by itself. */
export function isSettled({ state }: PluginEntry): boolean {
  return settledStates.has(state);
}

/** The size that another plugin of the cohort was granted block hashes in; `undefined` = none was. */
export function blockSizeFor(cohort: ReadonlySet<PluginEntry>, { spec: { name } }: PluginEntry): number | undefined {
  for (const { spec, granted } of cohort) {
    const size = spec.name === name ? undefined : blockSizeOf(granted);
    if (size !== undefined) return size;
  }
  return undefined;
}

function blockSizeOf(granted: readonly Need[]): number | undefined {
  return granted.find(({ key }) => key === "request.block_hashes")?.blockSizeTokens;
}

/** Whether two setups say the same about a plugin, but for where it stands and whether it is required. */
export function isSamePlugin(a: PluginSpec, b: PluginSpec): boolean {
  return isDeepStrictEqual(essenceOf(a), essenceOf(b));
}

/** Whether two setups say the same about a process and all plugins that it serves. */
export function isSameProcess(before: PluginSetup, after: PluginSetup, name: string): boolean {
  return isDeepStrictEqual(processIn(before, name), processIn(after, name));
}

/** Plugins that a process serves, in the order of the configuration. */
export function specsOf({ specs }: PluginSetup, process: string): readonly PluginSpec[] {
  return specs.filter((spec) => spec.process === process && !runsInHost(spec));
}

/** Whether a plugin is code of the host's own process. */
export function runsInHost({ placement }: PluginSpec): boolean {
  return placement === "inline" || placement === "worker";
}

function processIn(setup: PluginSetup, name: string): unknown {
  const specs = specsOf(setup, name).map((spec) => ({
    ...essenceOf(spec),
    budgetMs: Math.min(spec.budgetMs, setup.decisionBudgetMs),
  }));
  return { process: setup.processes.find((process) => process.name === name), specs };
}

function essenceOf(spec: PluginSpec): Partial<PluginSpec> {
  return { ...spec, path: "", required: false };
}
