import { setImmediate as nextTurn } from "node:timers/promises";
import type { CycleClock } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import type { Logger } from "pino";
import { buildSetup, type DraftSetup, turnLength } from "./build-setup.ts";
import type { ChangeSignal } from "./change-signal.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { PluginFactory } from "./plugin-factory.ts";
import type { PluginProcess } from "./plugin-process.ts";
import type { PluginTiming } from "./plugin-timing.ts";
import { entryOf, isSettled, producerOf, type RunningSetup, scorerOf, specsOf } from "./running-setup.ts";
import type { RuntimeState } from "./runtime-state.ts";
import { Succession } from "./succession.ts";
import type { Comparison, PluginSetup, PreparedSetup } from "./types.ts";

/** What changes work on. */
export interface ChangeOptions {
  readonly state: RuntimeState;
  readonly factory: PluginFactory;
  readonly clock: CycleClock;
  readonly timing: PluginTiming;
  readonly log: Logger;
  readonly signal: ChangeSignal;
}

/** Changes of what runs, one at a time. */
export class SetupChanges {
  readonly #options: ChangeOptions;
  #isChanging = false;
  /** Settles with the upgrade that is under way, whatever becomes of it. */
  #upgrading: Promise<unknown> | undefined;

  constructor(options: ChangeOptions) {
    this.#options = options;
  }

  /** As `PluginGenerations.prepare`. */
  async prepare(next: PluginSetup): Promise<PreparedSetup> {
    while (this.#upgrading !== undefined) await this.#upgrading;
    this.#begin("the configuration is changed");
    try {
      const draft = await this.#draft(next);
      return this.#toPrepared(draft);
    } catch (cause) {
      this.#end();
      throw cause;
    }
  }

  /** As `PluginGenerations.upgrade`. */
  async upgrade(name: string): Promise<Comparison> {
    const process = this.#processNamed(name);
    this.#begin(`${process.name} is upgraded`);
    const upgraded = this.#upgrade(process).finally(() => {
      this.#upgrading = undefined;
      this.#end();
    });
    this.#upgrading = upgraded.catch(() => undefined);
    return upgraded;
  }

  /** As `PluginGenerations.release`. */
  release(name: string): boolean {
    const { running } = this.#options.state;
    const plugin = running.plugins.get(name);
    if (plugin?.kind === "local") return plugin.plugin.release();
    if (plugin === undefined) return false;
    const { state } = plugin.port.entry;
    if (state !== "failed" && state !== "quarantined") return false;
    if (plugin.process.current?.release() === true) return true;
    // Its process serves others: they are not to notice.
    void this.upgrade(plugin.process.name).catch((err) =>
      this.#options.log.warn({ err }, "the plugin was not released"),
    );
    return true;
  }

  async #draft(next: PluginSetup): Promise<DraftSetup> {
    const { state, factory, clock, timing, signal } = this.#options;
    await factory.load(next.specs);
    const begun = (growing: RunningSetup) => {
      state.draft = growing;
    };
    const draft = await buildSetup({ factory, clock, timing, next, before: state.running, begun });
    state.draft = draft.running;
    state.changed();
    signal.fire();
    const served = draft.successions.filter(({ isServed }) => isServed);
    const others = draft.successions.filter(({ isServed }) => !isServed);
    for (const succession of others) succession.begin();
    const results = await Promise.allSettled(served.map((succession) => succession.rehearse()));
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failures.length > 0) {
      await this.#discard(draft);
      throw join(failures);
    }
    const entries = [...others.flatMap(({ next: { entries } }) => entries), ...newLocals(draft, state.running)];
    await signal.until(() => entries.every(isSettled), timing.startupMs);
    const worse = worseLocals(draft, state.running);
    if (worse.length === 0) return draft;
    await this.#discard(draft);
    throw new OutriderError("PLUGIN_REJECTED", worse.join("\n"));
  }

  #toPrepared(draft: DraftSetup): PreparedSetup {
    const { running, successions } = draft;
    const pluginOf = (name: string) => {
      const plugin = running.plugins.get(name);
      if (plugin === undefined) throw new Error(`no plugin is named ${name}`);
      return plugin;
    };
    return {
      scorer: (name) => scorerOf(pluginOf(name)),
      producer: (name) => producerOf(pluginOf(name)),
      comparisons: successions.flatMap(({ comparison }) => (comparison === undefined ? [] : [comparison])),
      commit: () => {
        if (this.#options.state.draft === running) this.#commit(draft);
      },
      discard: async () => {
        if (this.#options.state.draft !== running) return;
        this.#end();
        await this.#discard(draft);
      },
    };
  }

  #commit({ running, successions }: DraftSetup): void {
    const { state } = this.#options;
    const before = state.running;
    for (const succession of successions) succession.commit();
    state.running = running;
    for (const plugin of running.plugins.values()) entryOf(plugin).spec = plugin.spec;
    this.#end();
    this.#letGo(before, running);
    for (const process of running.processes.values()) process.current?.release();
  }

  /** Ends what the setup in force has no place for. */
  #letGo(before: RunningSetup, running: RunningSetup): void {
    for (const [name, process] of before.processes) {
      if (running.processes.get(name) !== process) void process.stop();
    }
    void this.#closeLocals(before, running);
  }

  /** In short turns: decisions go on between two. */
  async #closeLocals(before: RunningSetup, { cohort }: RunningSetup): Promise<void> {
    let closed = 0;
    for (const plugin of before.plugins.values()) {
      if (plugin.kind !== "local" || cohort.has(plugin.entry)) continue;
      void plugin.plugin.close(this.#options.timing.drainMs);
      closed += 1;
      if (closed % turnLength === 0) await nextTurn();
    }
  }

  /** Ends what was made for a setup that does not come into force. */
  async #discard({ running, successions }: DraftSetup): Promise<void> {
    const { cohort } = this.#options.state.running;
    for (const plugin of running.plugins.values()) {
      if (plugin.kind === "local" && !cohort.has(plugin.entry)) void plugin.plugin.close(0);
    }
    await Promise.all(successions.map((succession) => succession.discard()));
  }

  async #upgrade(process: PluginProcess): Promise<Comparison> {
    const { state, factory, clock, timing, signal } = this.#options;
    const { setup, cohort: before, plugins } = state.running;
    const cohort = new Set([...before].filter(({ spec }) => spec.process !== process.name));
    const spec = setup.processes.find(({ name }) => name === process.name)!;
    const { decisionBudgetMs } = setup;
    const plan = { spec, specs: specsOf(setup, process.name), cohort, decisionBudgetMs, isBeside: true };
    const next = factory.createGeneration(process, plan);
    state.beside = next.entries;
    state.changed();
    signal.fire();
    const ports = new Map(
      next.entries.map((entry) => {
        const plugin = plugins.get(entry.spec.name);
        if (plugin?.kind !== "ported") throw new Error(`${entry.spec.name} is in no process`);
        return [entry, plugin.port];
      }),
    );
    const succession = new Succession({ process, next, ports, clock, timing });
    const comparison = await succession.rehearse();
    succession.commit();
    state.running = { ...state.running, cohort };
    return comparison;
  }

  #processNamed(name: string): PluginProcess {
    const { plugins, processes } = this.#options.state.running;
    const process = processes.get(name);
    if (process !== undefined) return process;
    const plugin = plugins.get(name);
    if (plugin === undefined) throw new OutriderError("CONFIG_INVALID", `no plugin and no process is named ${name}`);
    if (plugin.kind === "ported") return plugin.process;
    const message = `${name} runs in the host itself: change its configuration, or restart the host for its new version`;
    throw new OutriderError("PLUGIN_REJECTED", message);
  }

  #begin(what: string): void {
    if (this.#isChanging) {
      throw new OutriderError("PLUGIN_REJECTED", `another change is under way; ${what} when that has ended`);
    }
    this.#isChanging = true;
  }

  #end(): void {
    const { state, signal } = this.#options;
    this.#isChanging = false;
    state.draft = undefined;
    state.beside = [];
    state.changed();
    signal.fire();
  }
}

/** Plugins in the host's own process that were made for a setup. */
function newLocals({ running }: DraftSetup, { cohort }: RunningSetup): readonly PluginEntry[] {
  const plugins = [...running.plugins.values()].filter(({ kind }) => kind === "local").map(entryOf);
  return plugins.filter((entry) => !cohort.has(entry));
}

/** Why plugins on threads do not start that others of their name serve well. */
function worseLocals(draft: DraftSetup, before: RunningSetup): readonly string[] {
  return newLocals(draft, before).flatMap(({ spec: { name, path }, serving, state, message }) => {
    const old = before.plugins.get(name);
    const isWorse = !serving && old !== undefined && entryOf(old).serving;
    return isWorse ? [`${path}: ${name} is ${state}: ${message}`] : [];
  });
}

function join(failures: readonly unknown[]): unknown {
  if (failures.length === 1) return failures[0];
  const messages = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  return new OutriderError("PLUGIN_REJECTED", messages.join("\n"), { cause: failures[0] });
}
