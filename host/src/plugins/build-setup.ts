import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { OutriderError } from "@outrider/core/contract";
import type { PluginEntry } from "./plugin-entry.ts";
import type { PluginFactory } from "./plugin-factory.ts";
import { PluginPort } from "./plugin-port.ts";
import type { PluginProcess } from "./plugin-process.ts";
import {
  isSamePlugin,
  isSameProcess,
  type LocalPlugin,
  type RunningPlugin,
  type RunningSetup,
  runsInHost,
  specsOf,
} from "./running-setup.ts";
import { Succession, type SuccessionOptions } from "./succession.ts";
import type { PluginSetup, PluginSpec, ProcessSpec } from "./types.ts";

/** A setup that is made and not in force. */
export interface DraftSetup {
  readonly running: RunningSetup;
  /** Generations of processes that have to take over for it, none of them started. */
  readonly successions: readonly Succession[];
}

/** What building takes. */
export interface BuildOptions extends Pick<SuccessionOptions, "clock" | "timing"> {
  readonly factory: PluginFactory;
  readonly next: PluginSetup;
  /** What is in force: what has not changed is taken from it. */
  readonly before: RunningSetup;
  /** Hears of the setup before it is whole: what is in it already has to hear of endpoints. */
  readonly begun: (growing: RunningSetup) => void;
}

/** Plugins and processes that are made or ended in one turn of the event loop: decisions go on between two. */
export const turnLength = 4;

/**
 * Makes what a setup needs and the one before does not have, in short turns; nothing else may change the setup meanwhile.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of the parameters of plugins that run in the host.
 */
export function buildSetup(options: BuildOptions): Promise<DraftSetup> {
  return new SetupBuilder(options).build();
}

class SetupBuilder {
  readonly #options: BuildOptions;
  readonly #cohort = new Set<PluginEntry>();
  readonly #plugins = new Map<string, RunningPlugin>();
  readonly #processes = new Map<string, PluginProcess>();
  readonly #successions: Succession[] = [];
  #steps = 0;

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  async build(): Promise<DraftSetup> {
    const { next, begun } = this.#options;
    const growing = { setup: next, plugins: this.#plugins, processes: this.#processes, cohort: this.#cohort };
    begun(growing);
    await this.#keepProcesses();
    await this.#addLocals();
    for (const spec of next.processes) {
      await this.#step();
      const isNamed = specsOf(next, spec.name).length > 0;
      if (isNamed && !this.#processes.has(spec.name)) this.#addProcess(spec);
    }
    const plugins = new Map(next.specs.map(({ name }) => [name, this.#plugins.get(name)!]));
    return { running: { ...growing, plugins }, successions: this.#successions };
  }

  async #step(): Promise<void> {
    this.#steps += 1;
    if (this.#steps % turnLength === 0) await nextTurn();
  }

  /** First of all: what they were granted is in force, and what is new has to fit it. */
  async #keepProcesses(): Promise<void> {
    const { before, next } = this.#options;
    for (const [name, process] of before.processes) {
      await this.#step();
      if (!isSameProcess(before.setup, next, name)) continue;
      this.#processes.set(name, process);
      for (const spec of specsOf(next, name)) {
        const { port } = portedPlugin(before, spec.name)!;
        this.#plugins.set(spec.name, { kind: "ported", spec, port, process });
        this.#cohort.add(port.entry);
      }
    }
  }

  async #addLocals(): Promise<void> {
    const made: LocalPlugin[] = [];
    const faults: string[] = [];
    for (const spec of this.#options.next.specs.filter(runsInHost)) {
      await this.#step();
      if (this.#keepLocal(spec)) continue;
      try {
        const plugin = this.#options.factory.createLocal(spec, this.#cohort, this.#options.next);
        this.#plugins.set(spec.name, plugin);
        made.push(plugin);
      } catch (cause) {
        if (!(cause instanceof OutriderError)) throw cause;
        faults.push(cause.message);
      }
    }
    if (faults.length === 0) return;
    for (const { plugin } of made) void plugin.close(0);
    throw new OutriderError("CONFIG_INVALID", faults.join("\n"));
  }

  #keepLocal(spec: PluginSpec): boolean {
    const { before: setup, next } = this.#options;
    const before = setup.plugins.get(spec.name);
    if (before?.kind !== "local" || !isSamePlugin(before.spec, spec)) return false;
    if (spec.placement === "worker" && !hasSameThreads(spec, setup.setup, next)) return false;
    this.#plugins.set(spec.name, { ...before, spec });
    this.#cohort.add(before.entry);
    return true;
  }

  #addProcess(spec: ProcessSpec): void {
    const { next, factory, before, clock, timing } = this.#options;
    const specs = specsOf(next, spec.name);
    const process = before.processes.get(spec.name) ?? factory.createProcess(spec.name);
    const isBeside = specs.some((spec) => portOf(before, spec)?.entry.serving === true);
    const { decisionBudgetMs } = next;
    const plan = { spec, specs, cohort: this.#cohort, decisionBudgetMs, isBeside };
    const generation = factory.createGeneration(process, plan);
    const ports = new Map<PluginEntry, PluginPort>();
    for (const entry of generation.entries) {
      const port = portOf(before, entry.spec) ?? new PluginPort(generation.remoteOf(entry));
      ports.set(entry, port);
      this.#plugins.set(entry.spec.name, { kind: "ported", spec: entry.spec, port, process });
    }
    this.#processes.set(spec.name, process);
    this.#successions.push(new Succession({ process, next: generation, ports, clock, timing }));
  }
}

/** Whether two setups run a plugin on the same threads, within the same budget. */
function hasSameThreads({ budgetMs }: PluginSpec, a: PluginSetup, b: PluginSetup): boolean {
  const budgetIn = ({ decisionBudgetMs }: PluginSetup) => Math.min(budgetMs, decisionBudgetMs);
  return isDeepStrictEqual(a.workers, b.workers) && budgetIn(a) === budgetIn(b);
}

/** Port of the plugin of this name, where it is of the same type. */
function portOf(setup: RunningSetup, { name, type }: PluginSpec): PluginPort | undefined {
  const port = portedPlugin(setup, name)?.port;
  return port?.entry.spec.type === type ? port : undefined;
}

function portedPlugin(setup: RunningSetup, name: string) {
  const plugin = setup.plugins.get(name);
  return plugin?.kind === "ported" ? plugin : undefined;
}
