import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CycleClock, EndpointSnapshot, Producer, Scorer } from "@outrider/core";
import type { EndpointChange, Need } from "@outrider/core/contract";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { buildSetup } from "./build-setup.ts";
import { ChangeSignal } from "./change-signal.ts";
import { createFrameTaps } from "./frame-taps.ts";
import { createPluginMetrics, type PluginGauges } from "./metrics.ts";
import { PluginFactory } from "./plugin-factory.ts";
import type { HostIdentity, PluginTable } from "./plugin-link.ts";
import { toReport } from "./plugin-report.ts";
import { defaultTiming, type PluginTiming } from "./plugin-timing.ts";
import { entryOf, isSettled, producerOf, type RunningPlugin, type RunningSetup, scorerOf } from "./running-setup.ts";
import { RuntimeState } from "./runtime-state.ts";
import { SetupChanges } from "./setup-changes.ts";
import type {
  FrameListener,
  PluginCatalogue,
  PluginRuntime,
  PluginSetup,
  PreparedSetup,
  WorkerPoolSpec,
} from "./types.ts";
import { createPostedOrder } from "./worker/posted-order.ts";

/** What the plugin runtime is made of. */
export interface PluginRuntimeOptions extends Omit<PluginSetup, "workers"> {
  /** Threads of the `worker` placement; default {@link defaultWorkers}. */
  readonly workers?: WorkerPoolSpec;
  readonly catalogue: PluginCatalogue;
  readonly host: HostIdentity;
  /** Folder for the sockets of children, made where it is missing; a private one is made in it. Its path is short. */
  readonly socketDir: string;
  readonly table: PluginTable;
  readonly clock: CycleClock;
  /** By which it is told how long inline plugins hold the event loop; default {@link clock}. In virtual time: for none. */
  readonly inlineClock?: CycleClock;
  readonly log: Logger;
  readonly registry: Registry;
  /**
   * Addresses by process: `unix:PATH`, `h2c://`, `http://`. Such a process is not started but connected to, without a
   * token, until it is there: the way to run a plugin under a debugger. It is never given up for its silence, nor ejected.
   */
  readonly attach?: ReadonlyMap<string, string>;
  /** Other times than the contract's. */
  readonly timing?: Partial<PluginTiming>;
  /** Spreads attempts over time; in [0, 1). Default: the system's randomness. */
  readonly random?: () => number;
}

/** Threads where nobody says otherwise. */
export const defaultWorkers: WorkerPoolSpec = { threads: 2, memoryMb: 256 };

/**
 * Makes inline plugins at once, and the processes of the others, which {@link PluginRuntime.start} starts.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of the parameters of inline plugins.
 */
export async function createPluginRuntime(options: PluginRuntimeOptions): Promise<PluginRuntime> {
  const runtime = new Runtime(options, await createSocketFolder(options.socketDir));
  try {
    await runtime.build();
    return runtime;
  } catch (cause) {
    await runtime.stop();
    throw cause;
  }
}

/** Only its owner can list or enter it. */
async function createSocketFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  return mkdtemp(join(parent, "p-"));
}

class Runtime implements PluginRuntime {
  readonly #options: PluginRuntimeOptions;
  readonly #dir: string;
  readonly #timing: PluginTiming;
  readonly #signal: ChangeSignal;
  readonly #taps = createFrameTaps();
  /** Of those who overhear: plugins on threads have no connection to be tapped. */
  readonly #postTaps = createFrameTaps();
  readonly #factory: PluginFactory;
  readonly #state = new RuntimeState();
  readonly #changes: SetupChanges;
  #publishedRev: number;
  #stopped: Promise<void> | undefined;

  constructor(options: PluginRuntimeOptions, dir: string) {
    const { clock, registry, timing, table, random = randomShare, attach = new Map(), log } = options;
    this.#options = options;
    this.#dir = dir;
    this.#timing = { ...defaultTiming, ...timing };
    this.#signal = new ChangeSignal(clock);
    this.#publishedRev = table.current.rev;
    this.#factory = new PluginFactory({
      ...options,
      metrics: createPluginMetrics(registry, this.#gauges()),
      timing: this.#timing,
      random,
      dir,
      attach,
      changed: () => this.#changed(),
      taps: this.#taps,
      posts: createPostedOrder(this.#postTaps, () => clock.nowMs()),
    });
    const parts = { state: this.#state, factory: this.#factory, timing: this.#timing, signal: this.#signal };
    this.#changes = new SetupChanges({ ...parts, clock, log });
  }

  get granted(): readonly Need[] {
    return this.#state.granted;
  }

  /** Makes the first setup. */
  async build(): Promise<void> {
    const { specs, processes, workers = defaultWorkers, decisionBudgetMs, clock } = this.#options;
    const next = { specs, processes, workers, decisionBudgetMs };
    await this.#factory.load(specs);
    const before = this.#state.running;
    const begun = (growing: RunningSetup) => {
      this.#state.draft = growing;
    };
    const draft = await buildSetup({ factory: this.#factory, clock, timing: this.#timing, next, before, begun });
    for (const succession of draft.successions) succession.commit();
    this.#state.running = draft.running;
    this.#state.draft = undefined;
    this.#changed();
  }

  async start(timeoutMs: number): Promise<void> {
    for (const process of this.#state.processes()) process.start();
    this.#factory.workers.start();
    const plugins = [...this.#state.running.plugins.values()];
    await this.#signal.until(() => plugins.every((plugin) => isSettled(entryOf(plugin))), timeoutMs);
  }

  scorer(name: string): Scorer {
    return scorerOf(this.#plugin(name));
  }

  producer(name: string): Producer {
    return producerOf(this.#plugin(name));
  }

  publish(snapshot: EndpointSnapshot, change: EndpointChange): void {
    if (snapshot.rev <= this.#publishedRev) return;
    this.#publishedRev = snapshot.rev;
    for (const plugin of this.#state.locals()) plugin.publish?.(change);
    for (const process of this.#state.processes()) process.publish(snapshot);
    this.#factory.workers.publish(snapshot, change);
  }

  flush(): boolean {
    let isDone = true;
    for (const process of this.#state.processes()) isDone = process.flush() && isDone;
    return isDone;
  }

  reconnect(process: string): void {
    this.#state.running.processes.get(process)?.reconnect();
  }

  missingRequired(): readonly string[] {
    const missing = [...this.#state.running.plugins.values()].filter(
      (plugin) => plugin.spec.required && entryOf(plugin).state !== "active",
    );
    return missing.map(({ spec }) => spec.name);
  }

  status() {
    return Array.from(this.#state.running.plugins.values(), toReport);
  }

  prepare(next: PluginSetup): Promise<PreparedSetup> {
    return this.#changes.prepare(next);
  }

  upgrade(process: string) {
    return this.#changes.upgrade(process);
  }

  release(plugin: string): boolean {
    return this.#changes.release(plugin);
  }

  tap(listener: FrameListener): () => void {
    const end = this.#taps.tap(listener);
    for (const process of this.#state.processes()) process.greet(listener);
    return end;
  }

  overhear(listener: FrameListener): () => void {
    const ends = [this.#taps, this.#postTaps].map((taps) => taps.tap(listener));
    return () => {
      for (const end of ends) end();
    };
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    const processes = Array.from(this.#state.processes(), (process) => process.stop());
    await Promise.all([...processes, this.#factory.workers.stop()]);
    for (const plugin of this.#state.running.plugins.values()) entryOf(plugin).move("stopped");
    await rm(this.#dir, { recursive: true, force: true });
  }

  #plugin(name: string): RunningPlugin {
    const plugin = this.#state.running.plugins.get(name);
    if (plugin === undefined) throw new Error(`no plugin is named ${name}`);
    return plugin;
  }

  #gauges(): PluginGauges {
    const state = this.#state;
    return {
      *states() {
        for (const [name, plugin] of state.running.plugins) yield [name, entryOf(plugin).state];
      },
      *callsInFlight() {
        for (const [name, plugin] of state.running.plugins) yield [name, entryOf(plugin).inFlight];
      },
      *revLag() {
        for (const [name, process] of state.running.processes) yield [name, process.revLag];
      },
    };
  }

  #changed(): void {
    this.#state.changed();
    this.#signal.fire();
  }
}

function randomShare(): number {
  return randomBytes(4).readUInt32LE() / 2 ** 32;
}
