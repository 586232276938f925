import type { CycleClock } from "@outrider/core";
import { type Need, OutriderError } from "@outrider/core/contract";
import { type AnswerTimes, fromPluginError } from "@outrider/transport";
import type { Logger } from "pino";
import type { PluginMetrics } from "./metrics.ts";
import type { PluginJournal } from "./plugin-journal.ts";
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
const endStates: ReadonlySet<PluginState> = new Set(["failed", "quarantined", "draining", "stopped"]);

/** One generation of one configured plugin: its state, and what it does beside what is kept across generations. */
export class PluginEntry {
  /** Another one takes its place where only its path or whether it is required has changed. */
  spec: PluginSpec;
  readonly generation: number;
  readonly journal: PluginJournal;
  readonly log: Logger;
  /** For faults that may come with every request. */
  readonly quietLog: QuietLog;
  readonly metrics: PluginMetrics;
  /** Calls put and not answered. */
  inFlight = 0;
  /** As it said in its handshake; empty: it said none. */
  pluginVersion = "";
  readonly #context: EntryContext;
  #state: PluginState = "discovered";
  #message = "";
  #granted: readonly Need[] = [];
  #unavailable: OutriderError | undefined;
  #isOut = false;

  constructor(spec: PluginSpec, generation: number, journal: PluginJournal, context: EntryContext) {
    this.spec = spec;
    this.generation = generation;
    this.journal = journal;
    journal.generation = Math.max(journal.generation, generation);
    this.log = context.log.child({ plugin: spec.name, generation });
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

  /** Takes an edge of its life; false, and nothing happens, where there is none. Only {@link restore} ends an ejection. */
  move(to: PluginState, message = ""): boolean {
    const from = this.#state;
    if (!isEdge(from, to) || (this.#isOut && to === "active")) return false;
    this.#state = to;
    this.#message = message;
    this.#unavailable = undefined;
    this.#isOut = to === "ejected" || (to === "shadow" && this.#isOut);
    if (endStates.has(to)) this.#granted = [];
    this.#report(from, to, message);
    this.#context.changed();
    return true;
  }

  /** Its answers count no more in decisions; {@link move} to `shadow` while it is tried. */
  eject(message: string): void {
    this.move("ejected", message);
  }

  /** It has done well while it was tried. */
  restore(): void {
    if (!this.#isOut) return;
    this.#isOut = false;
    this.move("active");
  }

  /** An answer came behind its deadline and is dropped. */
  late(): void {
    this.journal.lateAnswers += 1;
    this.metrics.lateAnswers(this.spec.name);
  }

  /** A call was answered; what is asked beside decisions does not count. */
  answered({ callUs, hostUs, pluginUs }: AnswerTimes): void {
    if (!this.serving) return;
    const nowMs = this.#context.clock.elapsedMs();
    this.journal.took("host", hostUs, nowMs);
    if (pluginUs === 0) return;
    this.journal.took("plugin", pluginUs, nowMs);
    this.journal.took("wire", Math.max(0, callUs - hostUs - pluginUs), nowMs);
  }

  /** A call ended with an error, which is returned as the cycle may see it. */
  failed(cause: unknown): OutriderError {
    const error = fromPluginError(cause, this.spec.name);
    this.journal.lastError = `${error.code}: ${error.message}`;
    return error;
  }

  /** What a call gets while none are put; the same object until the state changes, because it may be every call. */
  unavailable(): OutriderError {
    const { name } = this.spec;
    const why = this.#message === "" ? "" : `: ${this.#message}`;
    const code = this.#isOut ? "SCORER_EJECTED" : "SCORER_UNAVAILABLE";
    this.#unavailable ??= new OutriderError(code, `${name} is ${this.#state}${why}`);
    return this.#unavailable;
  }

  #report(from: PluginState, to: PluginState, message: string): void {
    const { clock } = this.#context;
    const level = loudStates.has(to) ? "error" : quietStates.has(to) ? "debug" : "info";
    this.log[level]({ from, to, message }, message === "" ? `plugin is ${to}` : `plugin is ${to}: ${message}`);
    this.metrics.moved(this.spec.name, from, to);
    this.journal.note({ atMs: clock.nowMs(), generation: this.generation, from, to, message });
  }
}
