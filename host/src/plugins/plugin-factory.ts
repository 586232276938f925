import type { CycleClock } from "@outrider/core";
import { type AnyDefinition, OutriderError } from "@outrider/core/contract";
import type { Logger } from "pino";
import { createInlinePlugin } from "./inline-plugin.ts";
import type { PluginMetrics } from "./metrics.ts";
import { PluginEntry } from "./plugin-entry.ts";
import { PluginJournal } from "./plugin-journal.ts";
import type { HostIdentity, PluginTable, RuntimeContext } from "./plugin-link.ts";
import { PluginProcess } from "./plugin-process.ts";
import { attachedTiming, type PluginTiming } from "./plugin-timing.ts";
import { ProcessGeneration } from "./process-generation.ts";
import { ProcessTally } from "./process-tally.ts";
import { blockSizeFor, type LocalPlugin } from "./running-setup.ts";
import type { FrameListener, PluginCatalogue, PluginSpec, ProcessSpec } from "./types.ts";

/** What all that a runtime makes has in common. */
export interface FactoryOptions {
  readonly catalogue: PluginCatalogue;
  readonly host: HostIdentity;
  readonly table: PluginTable;
  readonly clock: CycleClock;
  readonly log: Logger;
  readonly metrics: PluginMetrics;
  readonly timing: PluginTiming;
  /** In [0, 1). */
  readonly random: () => number;
  /** Private folder of the sockets. */
  readonly dir: string;
  /** Addresses that processes are reached at instead of being started, by name. */
  readonly attach: ReadonlyMap<string, string>;
  /** The state or the grants of some plugin have changed. */
  readonly changed: () => void;
  /** Sees the messages of all connections. */
  readonly frame: FrameListener;
}

/** What of a setup its parts are made from. */
export interface GenerationPlan {
  readonly spec: ProcessSpec;
  /** Configured plugins that it serves, in the order of the configuration. */
  readonly specs: readonly PluginSpec[];
  /** Generations that it will be in force with; its own are added. */
  readonly cohort: Set<PluginEntry>;
  /** Budget of a decision, in ms. */
  readonly decisionBudgetMs: number;
  /** See {@link ProcessGeneration}. */
  readonly isBeside: boolean;
}

/** Makes plugins and processes, and keeps what outlives a generation of them. */
export class PluginFactory {
  readonly #options: FactoryOptions;
  readonly #definitions = new Map<string, AnyDefinition>();
  readonly #journals = new Map<string, PluginJournal>();
  readonly #tallies = new Map<string, ProcessTally>();
  #sockets = 0;

  constructor(options: FactoryOptions) {
    this.#options = options;
  }

  /** Loads the built-in types that some spec names. */
  async load(specs: readonly PluginSpec[]): Promise<void> {
    const { catalogue } = this.#options;
    const types = new Set(specs.map(({ type }) => type).filter((type) => Object.hasOwn(catalogue, type)));
    await Promise.all(Array.from(types, async (type) => this.#definitions.set(type, await catalogue[type]!.load())));
  }

  /** A process of which no generation is in force yet. */
  createProcess(name: string): PluginProcess {
    const tally = this.#tallies.get(name) ?? new ProcessTally();
    this.#tallies.set(name, tally);
    return new PluginProcess(name, tally);
  }

  /** @throws {OutriderError} `CONFIG_INVALID` with every fault of its `parameters:`. */
  createLocal(spec: PluginSpec, cohort: Set<PluginEntry>): LocalPlugin {
    const definition = this.#definitions.get(spec.type);
    if (definition === undefined) {
      throw new OutriderError("CONFIG_INVALID", `${spec.path}.type: ${spec.type} is no built-in type`);
    }
    const entry = this.#createEntry(spec, this.#journalOf(spec.name).generation + 1);
    const plugin = createInlinePlugin(entry, definition, this.#options.table.current, blockSizeFor(cohort, entry));
    cohort.add(entry);
    return { kind: "local", spec, entry, plugin };
  }

  /** A generation of a process, not started. Its number is new to all plugins that it serves. */
  createGeneration(process: PluginProcess, plan: GenerationPlan): ProcessGeneration {
    const { log, dir, random } = this.#options;
    const number = 1 + Math.max(...plan.specs.map(({ name }) => this.#journalOf(name).generation));
    const entries = plan.specs.map((spec) => this.#createEntry(spec, number));
    for (const entry of entries) plan.cohort.add(entry);
    this.#sockets += 1;
    return new ProcessGeneration({
      spec: this.#reachable(plan.spec),
      number,
      entries,
      context: this.#createContext(plan),
      tally: process.tally,
      produces: (type) => this.#produces(type),
      log: log.child({ process: process.name, generation: number }),
      dir,
      id: String(this.#sockets),
      random,
      frame: (direction, message) => this.#show(process.name, number, direction, message),
      isBeside: plan.isBeside,
    });
  }

  #createEntry(spec: PluginSpec, generation: number): PluginEntry {
    const { clock, log, metrics, changed } = this.#options;
    return new PluginEntry(spec, generation, this.#journalOf(spec.name), { clock, log, metrics, changed });
  }

  #journalOf(name: string): PluginJournal {
    let journal = this.#journals.get(name);
    if (journal === undefined) {
      journal = new PluginJournal(this.#options.clock, this.#options.metrics.callDurations(name));
      this.#journals.set(name, journal);
    }
    return journal;
  }

  #createContext({ spec, cohort, decisionBudgetMs }: GenerationPlan): RuntimeContext {
    const { host, table, clock, metrics, timing, attach } = this.#options;
    return {
      host,
      table,
      clock,
      metrics,
      timing: attach.has(spec.name) ? attachedTiming(timing) : timing,
      decisionBudgetMs,
      blockSizeTokens: (entry) => blockSizeFor(cohort, entry),
    };
  }

  #reachable(spec: ProcessSpec): ProcessSpec {
    const url = this.#options.attach.get(spec.name);
    return url === undefined ? spec : { kind: "url", name: spec.name, env: spec.env, url };
  }

  #produces(type: string): readonly string[] {
    const definition = this.#definitions.get(type);
    return definition?.kind === "producer" ? definition.produces : [];
  }

  #show(process: string, generation: number, direction: "sent" | "received", message: Uint8Array): void {
    this.#options.frame({ process, generation, atMs: this.#options.clock.nowMs(), direction, message });
  }
}
