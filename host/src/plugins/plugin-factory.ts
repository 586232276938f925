import type { CycleClock } from "@outrider/core";
import { type AnyDefinition, OutriderError } from "@outrider/core/contract";
import type { Logger } from "pino";
import type { FrameTaps } from "./frame-taps.ts";
import type { HostPlugin } from "./host-plugin.ts";
import { createInlinePlugin } from "./inline-plugin.ts";
import { loadDeclaration } from "./load-declaration.ts";
import type { PluginMetrics } from "./metrics.ts";
import { PluginEntry } from "./plugin-entry.ts";
import { PluginJournal } from "./plugin-journal.ts";
import type { HostIdentity, PluginTable, RuntimeContext } from "./plugin-link.ts";
import { PluginProcess } from "./plugin-process.ts";
import { attachedTiming, type PluginTiming } from "./plugin-timing.ts";
import { ProcessGeneration } from "./process-generation.ts";
import { ProcessTally } from "./process-tally.ts";
import { blockSizeFor, type LocalPlugin } from "./running-setup.ts";
import type { PluginCatalogue, PluginSetup, PluginSpec, ProcessSpec } from "./types.ts";
import type { PostedOrder } from "./worker/posted-order.ts";
import { createWorkerPools, type WorkerPools } from "./worker/worker-pools.ts";

/** What all that a runtime makes has in common. */
export interface FactoryOptions {
  readonly catalogue: PluginCatalogue;
  readonly host: HostIdentity;
  readonly table: PluginTable;
  readonly clock: CycleClock;
  /** Times inline plugins; default {@link clock}. */
  readonly inlineClock?: CycleClock;
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
  /** See the messages of all connections. */
  readonly taps: Pick<FrameTaps, "isUsed" | "show">;
  /** See in which order plugins on threads are handed calls and events. */
  readonly posts: PostedOrder;
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
  /** Threads of the plugins that are placed on them. */
  readonly workers: WorkerPools;
  readonly #options: FactoryOptions;
  readonly #definitions = new Map<string, AnyDefinition>();
  readonly #journals = new Map<string, PluginJournal>();
  readonly #tallies = new Map<string, ProcessTally>();
  #sockets = 0;

  constructor(options: FactoryOptions) {
    const { catalogue, random, log } = options;
    this.#options = options;
    this.workers = createWorkerPools({ context: options, catalogue, random, log });
  }

  /**
   * Loads the built-in types that some spec names, and the modules of those that run inline.
   * @throws {OutriderError} `CONFIG_INVALID` with every module that cannot be loaded.
   */
  async load(specs: readonly PluginSpec[]): Promise<void> {
    const loaded = await Promise.allSettled(specs.map((spec) => this.#load(spec)));
    const faults = loaded.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    const foreign = faults.find((fault) => !(fault instanceof OutriderError));
    if (foreign !== undefined) throw foreign;
    if (faults.length > 0) throw new OutriderError("CONFIG_INVALID", faults.map(({ message }) => message).join("\n"));
  }

  /** A process of which no generation is in force yet. */
  createProcess(name: string): PluginProcess {
    const tally = this.#tallies.get(name) ?? new ProcessTally();
    this.#tallies.set(name, tally);
    return new PluginProcess(name, tally);
  }

  /** @throws {OutriderError} `CONFIG_INVALID` with every fault of its `parameters:`. */
  createLocal(spec: PluginSpec, cohort: Set<PluginEntry>, setup: PluginSetup): LocalPlugin {
    const entry = this.#createEntry(spec, this.#journalOf(spec.name).generation + 1);
    const plugin = this.#createHostPlugin(entry, cohort, setup);
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
      isTapped: () => this.#options.taps.isUsed,
      frame: (direction, message) => this.#show(process.name, number, direction, message),
      isBeside: plan.isBeside,
    });
  }

  async #load(spec: PluginSpec): Promise<void> {
    const { type, module, placement, path } = spec;
    const builtin = Object.hasOwn(this.#options.catalogue, type) ? this.#options.catalogue[type] : undefined;
    if (module === undefined) {
      if (builtin !== undefined) this.#definitions.set(definitionKey(spec), await builtin.load());
    } else if (placement === "inline") {
      const definition = await loadDeclaration(module, type).catch((cause) => {
        throw new OutriderError("CONFIG_INVALID", `${path}.module: ${messageOf(cause)}`, { cause });
      });
      this.#definitions.set(definitionKey(spec), definition);
    }
  }

  #createHostPlugin(entry: PluginEntry, cohort: Set<PluginEntry>, setup: PluginSetup): HostPlugin {
    const { spec } = entry;
    const { table, clock, inlineClock = clock } = this.#options;
    const definition = this.#definitions.get(definitionKey(spec));
    const blockSizeTokens = () => blockSizeFor(cohort, entry);
    if (spec.placement === "worker") {
      const { workers, decisionBudgetMs } = setup;
      return this.workers.of(workers).add({ entry, definition, decisionBudgetMs, blockSizeTokens });
    }
    if (definition === undefined) {
      throw new OutriderError("CONFIG_INVALID", `${spec.path}.type: ${spec.type} is no built-in type`);
    }
    const { current } = table;
    return createInlinePlugin({
      entry,
      definition,
      table: current,
      clock: inlineClock,
      blockSizeTokens: blockSizeTokens(),
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
    const definition = this.#definitions.get(definitionKey({ type }));
    return definition?.kind === "producer" ? definition.produces : [];
  }

  #show(process: string, generation: number, direction: "sent" | "received", message: Uint8Array): void {
    const { taps, clock } = this.#options;
    if (taps.isUsed) taps.show({ process, generation, atMs: clock.nowMs(), direction, message });
  }
}

function definitionKey({ type, module = "" }: Pick<PluginSpec, "type" | "module">): string {
  return `${module} ${type}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
