import type { CycleClock } from "@outrider/core";
import { type Need, OutriderError } from "@outrider/core/contract";
import { fromPluginError } from "@outrider/transport";
import type { Logger } from "pino";
import type { PluginMetrics } from "./metrics.ts";
import { isEdge, isServing } from "./plugin-state.ts";
import { createQuietLog, type QuietLog } from "./quiet-log.ts";
import type { PluginSpec, PluginState } from "./types.ts";

/** What entries tell and are told by. */
export interface EntryContext {
  readonly clock: CycleClock;
  readonly log: Logger;
  readonly metrics: PluginMetrics;
  /** An entry's state or grants have changed. */
  readonly changed: () => void;
}

const quietStates: ReadonlySet<PluginState> = new Set(["starting", "handshaking", "configuring", "syncing", "shadow"]);
const loudStates: ReadonlySet<PluginState> = new Set(["failed", "quarantined"]);
/** States in which nothing need be known of a request for its sake. */
const endStates: ReadonlySet<PluginState> = new Set(["failed", "quarantined", "stopped"]);

/** What is known of one configured plugin: its state, and what it has done so far. */
export class PluginEntry {
  readonly spec: PluginSpec;
  readonly log: Logger;
  /** For faults that may come with every request. */
  readonly quietLog: QuietLog;
  readonly metrics: PluginMetrics;
  /** Calls put and not answered. */
  inFlight = 0;
  /** Answers that came behind their deadline. */
  lateAnswers = 0;
  /** Last error, as `CODE: message`; empty = none. */
  lastError = "";
  readonly #context: EntryContext;
  #state: PluginState = "discovered";
  #message = "";
  #granted: readonly Need[] = [];
  #unavailable: OutriderError | undefined;

  constructor(spec: PluginSpec, context: EntryContext) {
    this.spec = spec;
    this.log = context.log.child({ plugin: spec.name });
    this.quietLog = createQuietLog(this.log, context.clock);
    this.metrics = context.metrics;
    this.#context = context;
  }

  get state(): PluginState {
    return this.#state;
  }

  /** Whether calls are put to it. */
  get serving(): boolean {
    return isServing(this.#state);
  }

  /** Why it is not active; empty where it is. */
  get message(): string {
    return this.#message;
  }

  get granted(): readonly Need[] {
    return this.#granted;
  }

  set granted(needs: readonly Need[]) {
    this.#granted = needs;
    this.#context.changed();
  }

  /** Takes an edge of its life; false, and nothing happens, where there is none. */
  move(to: PluginState, message = ""): boolean {
    const from = this.#state;
    if (!isEdge(from, to)) return false;
    this.#state = to;
    this.#message = message;
    this.#unavailable = undefined;
    if (endStates.has(to)) this.#granted = [];
    const level = loudStates.has(to) ? "error" : quietStates.has(to) ? "debug" : "info";
    this.log[level]({ from, to }, message === "" ? `plugin is ${to}` : `plugin is ${to}: ${message}`);
    this.metrics.moved(this.spec.name, from, to);
    this.#context.changed();
    return true;
  }

  /** An answer came behind its deadline and is dropped. */
  late(): void {
    this.lateAnswers += 1;
    this.metrics.lateAnswers(this.spec.name);
  }

  /** A call ended with an error, which is returned as the cycle may see it. */
  failed(cause: unknown): OutriderError {
    const error = fromPluginError(cause, this.spec.name);
    this.lastError = `${error.code}: ${error.message}`;
    return error;
  }

  /** What a call gets while none are put; the same object until the state changes, because it may be every call. */
  unavailable(): OutriderError {
    const { name } = this.spec;
    const why = this.#message === "" ? "" : `: ${this.#message}`;
    this.#unavailable ??= new OutriderError("SCORER_UNAVAILABLE", `${name} is ${this.#state}${why}`);
    return this.#unavailable;
  }
}
