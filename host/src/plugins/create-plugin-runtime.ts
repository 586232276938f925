import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CycleClock, EndpointSnapshot, Producer, Scorer } from "@outrider/core";
import { type AnyDefinition, type EndpointChange, type Need, OutriderError } from "@outrider/core/contract";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { mergeNeeds } from "./grants.ts";
import { createInlinePlugin, type InlinePlugin } from "./inline-plugin.ts";
import { createPluginMetrics, type PluginMetrics } from "./metrics.ts";
import { PluginEntry } from "./plugin-entry.ts";
import type { HostIdentity, PluginTable, RuntimeContext } from "./plugin-link.ts";
import { PluginProcess } from "./plugin-process.ts";
import { defaultTiming, type PluginTiming } from "./plugin-timing.ts";
import type { PluginCatalogue, PluginReport, PluginRuntime, PluginSpec, PluginState, ProcessSpec } from "./types.ts";

/** What the plugin runtime is made of. */
export interface PluginRuntimeOptions {
  /** Configured scorers and producers, checked. */
  readonly specs: readonly PluginSpec[];
  /** Processes that they name; one that no spec names is not started. */
  readonly processes: readonly ProcessSpec[];
  readonly catalogue: PluginCatalogue;
  readonly host: HostIdentity;
  /** Folder for the sockets of children, made where it is missing; a private one is made in it. Its path is short. */
  readonly socketDir: string;
  readonly table: PluginTable;
  readonly clock: CycleClock;
  readonly log: Logger;
  readonly registry: Registry;
  /** Budget of a decision, in ms. */
  readonly decisionBudgetMs: number;
  /** Other times than the contract's. */
  readonly timing?: Partial<PluginTiming>;
  /** Spreads attempts over time; in [0, 1). Default: the system's randomness. */
  readonly random?: () => number;
}

/**
 * Makes inline plugins at once, and the processes of the others, which {@link PluginRuntime.start} starts.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of the parameters of inline plugins.
 */
export async function createPluginRuntime(options: PluginRuntimeOptions): Promise<PluginRuntime> {
  const definitions = await loadDefinitions(options);
  await mkdir(options.socketDir, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(options.socketDir, "p-"));
  try {
    return new Runtime(options, definitions, dir);
  } catch (cause) {
    await rm(dir, { recursive: true, force: true });
    throw cause;
  }
}

type Definitions = ReadonlyMap<string, AnyDefinition>;

/** Of the built-in types that some spec names. */
async function loadDefinitions({ specs, catalogue }: PluginRuntimeOptions): Promise<Definitions> {
  const types = new Set(specs.map(({ type }) => type).filter((type) => Object.hasOwn(catalogue, type)));
  return new Map(await Promise.all(Array.from(types, async (type) => [type, await catalogue[type]!.load()] as const)));
}

/** States that a start waits for no longer. */
const settledStates: ReadonlySet<PluginState> = new Set(["active", "degraded", "failed", "quarantined", "stopped"]);

class Runtime implements PluginRuntime {
  readonly #options: PluginRuntimeOptions;
  readonly #dir: string;
  readonly #metrics: PluginMetrics;
  readonly #entries: ReadonlyMap<string, PluginEntry>;
  readonly #inline = new Map<PluginEntry, InlinePlugin>();
  readonly #processes: readonly PluginProcess[];
  readonly #processOf = new Map<PluginEntry, PluginProcess>();
  #waiting = new Set<() => void>();
  #granted: readonly Need[] | undefined;
  #publishedRev: number;
  #stopped: Promise<void> | undefined;

  constructor(options: PluginRuntimeOptions, definitions: Definitions, dir: string) {
    this.#options = options;
    this.#dir = dir;
    this.#publishedRev = options.table.current.rev;
    this.#metrics = createPluginMetrics(options.registry, {
      callsInFlight: () => this.#countCalls(),
      revLag: () => this.#processes.map((process) => [process.name, process.revLag] as const),
    });
    this.#entries = new Map(options.specs.map((spec) => [spec.name, this.#createEntry(spec)]));
    this.#createInline(definitions);
    this.#processes = this.#createProcesses(definitions);
  }

  get granted(): readonly Need[] {
    this.#granted ??= mergeNeeds([...this.#entries.values()].flatMap(({ granted }) => granted));
    return this.#granted;
  }

  async start(timeoutMs: number): Promise<void> {
    for (const process of this.#processes) process.start();
    await this.#settled(timeoutMs);
  }

  scorer(name: string): Scorer {
    const entry = this.#entry(name);
    const scorer = this.#inline.get(entry)?.scorer ?? this.#processOf.get(entry)?.remoteOf(entry).scorer;
    if (scorer === undefined) throw new OutriderError("CONFIG_INVALID", `${entry.spec.path}: ${name} is a producer`);
    return scorer;
  }

  producer(name: string): Producer {
    const entry = this.#entry(name);
    const producer = this.#inline.get(entry)?.producer ?? this.#processOf.get(entry)?.remoteOf(entry).producer;
    if (producer === undefined) throw new OutriderError("CONFIG_INVALID", `${entry.spec.path}: ${name} is a scorer`);
    return producer;
  }

  publish(snapshot: EndpointSnapshot, change: EndpointChange): void {
    if (snapshot.rev <= this.#publishedRev) return;
    this.#publishedRev = snapshot.rev;
    for (const plugin of this.#inline.values()) plugin.publish(change);
    for (const process of this.#processes) process.publish(snapshot);
  }

  missingRequired(): readonly string[] {
    const missing = [...this.#entries.values()].filter(({ spec, state }) => spec.required && state !== "active");
    return missing.map(({ spec }) => spec.name);
  }

  status(): readonly PluginReport[] {
    return Array.from(this.#entries.values(), (entry) => this.#statusOf(entry));
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    for (const entry of this.#inline.keys()) entry.move("stopped");
    for (const name of this.#entries.keys()) this.#metrics.forget(name);
    await rm(this.#dir, { recursive: true, force: true });
  }

  #createEntry(spec: PluginSpec): PluginEntry {
    const { clock, log } = this.#options;
    return new PluginEntry(spec, { clock, log, metrics: this.#metrics, changed: () => this.#changed() });
  }

  #createInline(definitions: Definitions): void {
    const faults: string[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.spec.placement !== "inline") continue;
      const definition = definitions.get(entry.spec.type)!;
      try {
        const { current } = this.#options.table;
        this.#inline.set(entry, createInlinePlugin(entry, definition, current, this.#blockSizeFor(entry)));
      } catch (cause) {
        if (!(cause instanceof OutriderError)) throw cause;
        faults.push(cause.message);
      }
    }
    if (faults.length > 0) throw new OutriderError("CONFIG_INVALID", faults.join("\n"));
  }

  #createProcesses(definitions: Definitions): readonly PluginProcess[] {
    const { processes, log, clock, host, table, decisionBudgetMs, timing, random = randomShare } = this.#options;
    const context: RuntimeContext = {
      host,
      table,
      clock,
      timing: { ...defaultTiming, ...timing },
      metrics: this.#metrics,
      decisionBudgetMs,
      blockSizeTokens: (entry) => this.#blockSizeFor(entry),
    };
    const produces = (type: string) => {
      const definition = definitions.get(type);
      return definition?.kind === "producer" ? definition.produces : [];
    };
    return processes.flatMap((spec, index) => {
      const entries = [...this.#entries.values()].filter(({ spec: { process } }) => process === spec.name);
      if (entries.length === 0) return [];
      const named = log.child({ process: spec.name });
      const place = { dir: this.#dir, id: String(index) };
      const process = new PluginProcess({ spec, entries, context, produces, log: named, random, ...place });
      for (const entry of entries) this.#processOf.set(entry, process);
      return [process];
    });
  }

  /** The size that another plugin was granted block hashes in. */
  #blockSizeFor(entry: PluginEntry): number | undefined {
    const others = [...this.#entries.values()].filter((other) => other !== entry);
    const needs = others.flatMap(({ granted }) => granted);
    return needs.find(({ key }) => key === "request.block_hashes")?.blockSizeTokens;
  }

  #entry(name: string): PluginEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`no plugin is named ${name}`);
    return entry;
  }

  #statusOf(entry: PluginEntry): PluginReport {
    const { spec, state, message, lastError, inFlight, lateAnswers, granted } = entry;
    const process = this.#processOf.get(entry);
    return {
      name: spec.name,
      type: spec.type,
      placement: spec.placement,
      process: spec.process,
      state,
      message,
      profile: process?.profile,
      pid: process?.pid,
      restarts: process?.restarts ?? 0,
      inFlight,
      lateAnswers,
      violations: process?.violations ?? 0,
      revLag: process?.revLag ?? 0,
      droppedFeedback: process?.droppedFeedback ?? 0,
      offendingFrame: process?.offendingFrame,
      lastError,
      granted: granted.map(({ key }) => key),
    };
  }

  *#countCalls(): Iterable<readonly [string, number]> {
    for (const [name, { inFlight }] of this.#entries) yield [name, inFlight];
  }

  #changed(): void {
    this.#granted = undefined;
    for (const check of this.#waiting) check();
  }

  #settled(timeoutMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const finish = () => {
        clock.cancel(timer);
        this.#waiting.delete(check);
        resolve();
      };
      const check = () => {
        if ([...this.#entries.values()].every(({ state }) => settledStates.has(state))) finish();
      };
      const timer = clock.after(timeoutMs, finish);
      this.#waiting.add(check);
      check();
    });
  }
}

function randomShare(): number {
  return randomBytes(4).readUInt32LE() / 2 ** 32;
}
