import type { FeedbackEvent } from "@outrider/core/contract";
import type { PluginEntry } from "../plugin-entry.ts";
import { PluginPort } from "../plugin-port.ts";
import { RemotePlugin } from "../remote-plugin.ts";
import { admitWorker } from "./admit-worker.ts";
import type { Lane } from "./lane.ts";
import type { CreateMessage, Declaration, FromThread } from "./messages.ts";
import { createRecovery, type Recovery } from "./recovery.ts";
import { toDeclaration } from "./to-declaration.ts";
import { toError, tryModule } from "./try-module.ts";
import type { PoolContext, WorkerPlugin, WorkerPluginPlan } from "./worker-pool.ts";
import { WorkerRunner } from "./worker-runner.ts";

/** What a plugin is in the pool. */
export interface PoolPlugin extends WorkerPlugin {
  readonly runner: WorkerRunner;
  /** Whether its code is no built-in type. */
  readonly isModule: boolean;
  /** Thread that it is kept on, because its state is; `undefined` = any, or not known yet. */
  readonly pinnedTo: Lane | undefined;
  /** Whether it runs, or is being made, on a thread. */
  isOn(lane: Lane): boolean;
  /** Finds out what it is, and has it made on its threads. */
  start(): void;
  laneOpened(lane: Lane): void;
  laneLost(lane: Lane, why: string, isBlamed: boolean): void;
  /** A thread says something about it. */
  heard(message: Exclude<FromThread, { readonly kind: "answers" | "output" }>, lane: Lane): void;
  /** An event for it was dropped. */
  dropped(): void;
}

/** What a plugin in the pool is made of. */
export interface PoolPluginOptions extends WorkerPluginPlan {
  readonly module: string;
  readonly instance: number;
  readonly memoryMb: number;
  readonly context: PoolContext;
  readonly random: () => number;
  readonly lanes: readonly Lane[];
  /** Plugins that are kept on a thread. */
  readonly localsOn: (lane: Lane) => number;
  readonly dispatch: (runner: WorkerRunner) => void;
  readonly closed: (plugin: PoolPlugin) => void;
}

/** A plugin that has not begun. */
export function createPoolPlugin(options: PoolPluginOptions): PoolPlugin {
  return new Plugin(options);
}

const mendable: ReadonlySet<string> = new Set(["CONFIG_INVALID", "PLUGIN_REJECTED"]);

class Plugin implements PoolPlugin {
  readonly runner: WorkerRunner;
  readonly #options: PoolPluginOptions;
  readonly #entry: PluginEntry;
  readonly #remote: RemotePlugin;
  readonly #port: PluginPort;
  readonly #on = new Set<Lane>();
  readonly #recovery: Recovery;
  #lanes: readonly Lane[] = [];
  #pinnedTo: Lane | undefined;
  #restarts = 0;
  #droppedFeedback = 0;
  #isClosed = false;
  #idle: (() => void) | undefined;

  constructor(options: PoolPluginOptions) {
    const { entry, definition, instance, context, dispatch, random, decisionBudgetMs } = options;
    const { clock, posts, timing } = context;
    this.#options = options;
    this.#entry = entry;
    this.#recovery = createRecovery(context, random);
    this.runner = new WorkerRunner({ entry, instance, clock, posts, dispatch, idle: () => this.#idle?.() });
    const produces = definition?.kind === "producer" ? definition.produces : [];
    const queue = (event: FeedbackEvent) => this.runner.tell(event);
    this.#remote = new RemotePlugin({ entry, clock, timing, random, decisionBudgetMs, produces, queue });
    this.#port = new PluginPort(this.#remote);
  }

  get scorer() {
    return this.#port.scorer;
  }

  get producer() {
    return this.#port.producer;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get droppedFeedback(): number {
    return this.#droppedFeedback;
  }

  get isModule(): boolean {
    return this.#entry.spec.module !== undefined;
  }

  get pinnedTo(): Lane | undefined {
    return this.#pinnedTo;
  }

  isOn(lane: Lane): boolean {
    return this.#on.has(lane);
  }

  start(): void {
    this.#entry.move("starting");
    void this.#begin();
  }

  release(): boolean {
    const { state } = this.#entry;
    if (state !== "failed" && state !== "quarantined") return false;
    this.#recovery.reset();
    this.start();
    return true;
  }

  async close(drainMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#recovery.stop();
    this.#entry.move("draining");
    await this.#drained(drainMs);
    for (const lane of this.#on) lane.remove(this.runner.instance);
    this.#on.clear();
    this.#remote.disconnect();
    this.runner.failWaiting("it is stopped");
    this.#options.closed(this);
    this.#entry.move("stopped");
  }

  laneOpened(lane: Lane): void {
    const { declaration } = this.runner;
    if (declaration !== undefined && this.#lanes.includes(lane)) this.#createOn(lane);
  }

  laneLost(lane: Lane, why: string, isBlamed: boolean): void {
    const entry = this.#entry;
    if (!this.#on.delete(lane)) {
      if (this.#lanes.includes(lane) && !this.#serves()) entry.move("backoff", `there is no thread: ${why}`);
      return;
    }
    this.runner.forget(lane);
    this.#restarts += 1;
    entry.metrics.restarts(entry.spec.name);
    if (isBlamed && this.#strike(why)) return;
    if (this.#serves()) {
      if (isBlamed) entry.move("degraded", `it lost a thread: ${why}`);
      return;
    }
    this.#remote.disconnect();
    entry.move("backoff", `its thread was lost: ${why}`);
    this.runner.failWaiting(`its thread was lost: ${why}`);
  }

  heard(message: Parameters<PoolPlugin["heard"]>[0], lane: Lane): void {
    if (message.kind === "threw") {
      this.#threw(message);
    } else if (message.kind === "created") {
      this.#made();
    } else {
      this.#on.delete(lane);
      this.#fault(toError(message));
    }
  }

  dropped(): void {
    this.#droppedFeedback += 1;
    this.#entry.metrics.droppedFeedback(this.#entry.spec.name, 1);
  }

  async #begin(): Promise<void> {
    try {
      const declaration = this.runner.declaration ?? (await this.#declare());
      if (this.#isClosed) return;
      this.#entry.move("handshaking");
      this.#entry.granted = admitWorker(this.#entry, declaration, this.#options.blockSizeTokens());
      this.runner.admit(declaration, this.#entry.granted);
      this.#assign(declaration);
      this.#entry.move("configuring");
      for (const lane of this.#lanes) this.#createOn(lane);
    } catch (cause) {
      if (!this.#isClosed) this.#fault(cause);
    }
  }

  #declare(): Promise<Declaration> {
    const { definition, entry, context, memoryMb } = this.#options;
    const { clock, timing } = context;
    if (definition !== undefined) return Promise.resolve(toDeclaration(definition, entry.spec.parameters, true));
    const limits = { startupMs: timing.startupMs, createMs: timing.handshakeMs };
    return tryModule(this.#message([]), { memoryMb, clock, ...limits });
  }

  /** What keeps state is kept on the thread that has the fewest such plugins. */
  #assign({ state }: Declaration): void {
    const { lanes, localsOn } = this.#options;
    if (this.#lanes.length > 0) return;
    if (state === "local") this.#pinnedTo = lanes.reduce((a, b) => (localsOn(b) < localsOn(a) ? b : a));
    this.#lanes = this.#pinnedTo === undefined ? lanes : [this.#pinnedTo];
  }

  #createOn(lane: Lane): void {
    if (this.#isClosed || !lane.isOpen || this.#on.has(lane) || this.#isOut()) return;
    this.#on.add(lane);
    if (this.#entry.state === "backoff") this.#entry.move("configuring");
    lane.create({ kind: "create", ...this.#message(this.#entry.granted) });
  }

  #made(): void {
    if (this.#isClosed || this.#isOut()) return;
    const { state, log } = this.#entry;
    log.debug({ threads: this.#lanes.filter((lane) => lane.has(this.runner.instance)).length }, "runs on a thread");
    if (state === "configuring") this.#remote.connect(this.runner.linked(), true);
    if (state === "configuring" || (state === "degraded" && this.#servesAll())) this.#entry.move("active");
    this.#options.dispatch(this.runner);
  }

  #threw({ where, message, count }: Extract<FromThread, { readonly kind: "threw" }>): void {
    const { metrics, spec, quietLog } = this.#entry;
    for (let i = 0; i < count; i += 1) metrics.hookErrors(spec.name);
    quietLog({ hook: where, message }, `${where} of the plugin threw`);
  }

  /** It was not made: the operator must mend it, or it is tried again later. */
  #fault(cause: unknown): void {
    const error = this.#entry.failed(cause);
    const message = `${error.code}: ${error.message}`;
    if (mendable.has(error.code)) {
      this.#entry.move("failed", message);
      this.#takeOff();
      return;
    }
    if (this.#strike(message)) return;
    if (!this.#serves()) this.#entry.move("backoff", message);
    this.#recovery.later(() => this.#retry());
  }

  #retry(): void {
    if (this.#isClosed || this.#isOut()) return;
    if (this.runner.declaration === undefined) this.start();
    else for (const lane of this.#lanes) this.#createOn(lane);
  }

  /** Counts a crash of its own; true where it is one too many. */
  #strike(why: string): boolean {
    const tooOften = this.#recovery.strike(why);
    if (tooOften === undefined) return false;
    this.#entry.move("quarantined", tooOften);
    this.#takeOff();
    return true;
  }

  #takeOff(): void {
    this.#remote.disconnect();
    for (const lane of this.#on) lane.remove(this.runner.instance);
    this.#on.clear();
    this.runner.failWaiting(this.#entry.message);
  }

  #isOut(): boolean {
    return this.#entry.state === "failed" || this.#entry.state === "quarantined";
  }

  #serves(): boolean {
    return this.#lanes.some((lane) => lane.has(this.runner.instance));
  }

  #servesAll(): boolean {
    return this.#lanes.every((lane) => lane.has(this.runner.instance));
  }

  #message(granted: CreateMessage["granted"]): Omit<CreateMessage, "kind"> {
    const { module, instance } = this.#options;
    const { name, type, parameters } = this.#entry.spec;
    return { instance, name, type, module, parameters, granted };
  }

  #drained(drainMs: number): Promise<void> {
    if (this.runner.open === 0) return Promise.resolve();
    const { clock } = this.#options.context;
    return new Promise((resolve) => {
      const finish = () => {
        clock.cancel(timer);
        resolve();
      };
      const timer = clock.after(drainMs, finish);
      this.#idle = finish;
    });
  }
}
