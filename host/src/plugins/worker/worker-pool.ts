import type { CycleClock, EndpointSnapshot, Producer, Scorer } from "@outrider/core";
import { type AnyDefinition, type EndpointChange, OutriderError } from "@outrider/core/contract";
import { makeInstance } from "@outrider/transport";
import type { Logger } from "pino";
import { createBackoff } from "../backoff.ts";
import type { HostPlugin } from "../host-plugin.ts";
import type { PluginEntry } from "../plugin-entry.ts";
import type { RuntimeContext } from "../plugin-link.ts";
import type { PluginCatalogue, WorkerPoolSpec } from "../types.ts";
import { createTurns, type Turns } from "./fair-queues.ts";
import { Lane } from "./lane.ts";
import { createLaneOutput } from "./lane-output.ts";
import { createPoolPlugin, type PoolPlugin } from "./pool-plugin.ts";
import type { PostedOrder } from "./posted-order.ts";
import type { WorkerRunner } from "./worker-runner.ts";

/** What a pool shares with all that runs in the host. */
export type PoolContext = Pick<RuntimeContext, "table" | "clock" | "timing" | "metrics"> & {
  /** Sees in which order plugins are handed calls and events; default nobody does. */
  readonly posts?: PostedOrder;
};

/** What a pool is made of. */
export interface WorkerPoolOptions {
  readonly spec: WorkerPoolSpec;
  readonly context: PoolContext;
  /** Where built-in types are declared. */
  readonly catalogue: PluginCatalogue;
  /** Spreads attempts over time; in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Its last plugin has ended. */
  readonly emptied?: () => void;
}

/** A plugin that runs on the threads of a pool. */
export interface WorkerPlugin extends HostPlugin {
  /** The same objects for its whole life, whatever its state. */
  readonly scorer: Scorer;
  readonly producer: Producer;
}

/** What is to run on threads. */
export interface WorkerPluginPlan {
  readonly entry: PluginEntry;
  /** Of a built-in type; `undefined` where the plugin names a module. */
  readonly definition: AnyDefinition | undefined;
  /** Budget of a decision, in ms. */
  readonly decisionBudgetMs: number;
  /** Block size in force for `request.block_hashes`; `undefined` = none is. */
  readonly blockSizeTokens: () => number | undefined;
}

/** Threads beside the host's event loop, and the plugins on them. */
export interface WorkerPool {
  /**
   * A further plugin; it begins with {@link start}, at once where that was before.
   * @throws {OutriderError} `CONFIG_INVALID` for the parameters of a built-in type.
   */
  add(plan: WorkerPluginPlan): WorkerPlugin;
  /** Starts the threads. */
  start(): void;
  /** Hands a new snapshot to the threads. */
  publish(snapshot: EndpointSnapshot, change: EndpointChange): void;
  /** Ends the threads and all that is on them. */
  stop(): Promise<void>;
}

/** How often the threads are looked at, in ms. */
const checkMs = 250;

/** A pool that has not started. */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  return new Pool(options);
}

/** A lane and what the pool keeps of it. */
interface Member {
  readonly lane: Lane;
  readonly turns: Turns<WorkerRunner>;
  /** Ends its thread, and starts no other. */
  end(): Promise<void>;
}

class Pool implements WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #clock: CycleClock;
  readonly #members: readonly Member[];
  readonly #plugins = new Set<PoolPlugin>();
  #runners: readonly WorkerRunner[] = [];
  #lastInstance = 0;
  #isStarted = false;
  #isStopped = false;
  #timer: unknown;
  #checkedMs = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#clock = options.context.clock;
    this.#members = Array.from({ length: options.spec.threads }, (_, index) => this.#createMember(index));
  }

  add(plan: WorkerPluginPlan): WorkerPlugin {
    const { catalogue } = this.#options;
    const { entry, definition } = plan;
    const { spec } = entry;
    const module = spec.module ?? catalogue[spec.type]?.module;
    if (module === undefined) {
      throw new OutriderError("CONFIG_INVALID", `${spec.path}: ${spec.type} is no built-in type: name its module`);
    }
    if (definition !== undefined) checkParameters(entry, definition);
    this.#lastInstance += 1;
    const plugin = createPoolPlugin({
      ...plan,
      module,
      instance: this.#lastInstance,
      memoryMb: this.#options.spec.memoryMb,
      context: this.#options.context,
      random: this.#options.random,
      lanes: this.#members.map(({ lane }) => lane),
      localsOn: (lane) => [...this.#plugins].filter((other) => other.pinnedTo === lane).length,
      dispatch: (runner) => this.#dispatch(runner),
      closed: (closed) => this.#forget(closed),
    });
    this.#plugins.add(plugin);
    this.#runners = [...this.#runners, plugin.runner];
    if (this.#isStarted) plugin.start();
    return plugin;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const { lane } of this.#members) void lane.open();
    for (const plugin of this.#plugins) plugin.start();
    this.#checkedMs = this.#clock.elapsedMs();
    this.#arm();
  }

  publish(snapshot: EndpointSnapshot, change: EndpointChange): void {
    for (const { lane } of this.#members) lane.publish(snapshot, change);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#clock.cancel(this.#timer);
    const { drainMs } = this.#options.context.timing;
    await Promise.all([...this.#plugins].map((plugin) => plugin.close(drainMs)));
    await Promise.all(this.#members.map((member) => member.end()));
  }

  #createMember(index: number): Member {
    const { spec, context, log } = this.#options;
    const { timing, table, metrics, clock } = context;
    const threadLog = log.child({ thread: index });
    const output = createLaneOutput(threadLog, clock, (bytes) => metrics.droppedLogBytes(`worker ${index}`, bytes));
    const turns = createTurns<WorkerRunner>();
    const backoff = createBackoff(timing, this.#options.random);
    let openedMs = 0;
    let timer: unknown;
    const lane: Lane = new Lane({
      memoryMb: spec.memoryMb,
      clock,
      startupMs: timing.startupMs,
      createMs: timing.handshakeMs,
      current: () => table.current,
      events: {
        opened: () => {
          openedMs = clock.elapsedMs();
          for (const plugin of this.#plugins) plugin.laneOpened(lane);
        },
        lost: (why, blamed) => {
          if (this.#isStopped) return;
          if (clock.elapsedMs() - openedMs >= timing.stableMs) backoff.reset();
          threadLog.warn({ blamed: this.#find(blamed)?.runner.name }, `a thread was lost: ${why}`);
          this.#lost(lane, why, blamed);
          timer = clock.after(backoff.nextDelayMs(), () => void lane.open());
        },
        heard: (message) => {
          if (message.kind === "output") output(message);
          else this.#find(message.instance)?.heard(message, lane);
        },
        dropped: (instance) => this.#find(instance)?.dropped(),
        next: () => this.#next(lane, turns),
      },
    });
    const end = () => {
      clock.cancel(timer);
      return lane.close();
    };
    return { lane, turns, end };
  }

  #find(instance: number): PoolPlugin | undefined {
    for (const plugin of this.#plugins) if (plugin.runner.instance === instance) return plugin;
    return undefined;
  }

  /** Who ran code when the thread was lost; where nobody knows, it may have been any module on it. */
  #lost(lane: Lane, why: string, blamed: number): void {
    const there = [...this.#plugins].filter((plugin) => plugin.isOn(lane));
    const modules = there.filter(({ isModule }) => isModule);
    const suspects = modules.length > 0 ? modules : there;
    for (const plugin of this.#plugins) {
      const isBlamed = blamed === 0 ? suspects.includes(plugin) : plugin.runner.instance === blamed;
      plugin.laneLost(lane, why, isBlamed);
    }
  }

  /** The oldest call of the plugin whose turn it is. */
  #next(lane: Lane, turns: Turns<WorkerRunner>) {
    const isReady = (runner: WorkerRunner) => runner.isWaiting && lane.has(runner.instance);
    for (;;) {
      const call = turns.next(this.#runners, isReady)?.next();
      if (call !== undefined || !this.#runners.some(isReady)) return call;
    }
  }

  /** Wakes the least busy thread that runs the plugin. */
  #dispatch({ instance }: WorkerRunner): void {
    let best: Lane | undefined;
    for (const { lane } of this.#members) {
      if (lane.has(instance) && (best === undefined || lane.busy < best.busy)) best = lane;
    }
    best?.fill();
  }

  #forget(plugin: PoolPlugin): void {
    this.#plugins.delete(plugin);
    this.#runners = this.#runners.filter((runner) => runner !== plugin.runner);
    if (this.#plugins.size === 0 && !this.#isStopped) this.#options.emptied?.();
  }

  /** A look that comes late is put off: the host itself was held up, and what the threads said has not been read. */
  #check(): void {
    const nowMs = this.#clock.elapsedMs();
    const isLate = nowMs - this.#checkedMs > 2 * checkMs;
    this.#checkedMs = nowMs;
    if (!isLate) for (const { lane } of this.#members) lane.check();
    this.#arm();
  }

  #arm(): void {
    if (this.#isStopped) return;
    this.#timer = this.#clock.after(checkMs, () => this.#check());
    const timer = this.#timer as { unref?(): void };
    timer.unref?.();
  }
}

function checkParameters({ spec }: PluginEntry, definition: AnyDefinition): void {
  const checked = definition.config.safeParse(spec.parameters ?? {});
  if (checked.success) return;
  const made = makeInstance(definition, spec.parameters);
  const faults = made.kind === "faults" ? made.faults : [];
  const list = faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  throw new OutriderError("CONFIG_INVALID", `${spec.path}: parameters of ${spec.name}: ${list}`);
}
