import type { EndpointSnapshot } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import { type Backoff, createBackoff } from "./backoff.ts";
import type { FeedbackSender } from "./feedback-sender.ts";
import {
  createFeedback,
  createRemotes,
  createSource,
  type GenerationOptions,
  toLinkContext,
  toOpeningError,
} from "./generation-parts.ts";
import type { GreetedFrame } from "./greeting.ts";
import { LinkSlot } from "./link-slot.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { PluginLink } from "./plugin-link.ts";
import { createSleep, type PluginSource } from "./plugin-source.ts";
import { ProcessFaults } from "./process-faults.ts";
import type { RemotePlugin } from "./remote-plugin.ts";
import { openSessionLink } from "./session-link.ts";
import type { PluginProfile, PluginState } from "./types.ts";
import { openUnaryLink } from "./unary-link.ts";

/** Loss of a child's connection until its end is known. */
const exitGraceMs = 200;

const noState = new Uint8Array(0);

/**
 * One generation of a process, started by the host or elsewhere, with all that is kept of it across restarts and
 * connections. Whatever goes wrong with it ends in another attempt, in `failed` or in `quarantined`, never in an
 * exception.
 */
export class ProcessGeneration {
  /** Settles with its first connection; rejects with why there is none, once it is not tried any more. */
  readonly opened: Promise<void>;
  /** Settles, with the reason, when it is not tried any more. */
  readonly ended: Promise<OutriderError>;
  readonly #options: GenerationOptions;
  readonly #source: PluginSource;
  readonly #connection: LinkSlot;
  readonly #remotes: ReadonlyMap<PluginEntry, RemotePlugin>;
  readonly #feedback: FeedbackSender;
  readonly #backoff: Backoff;
  readonly #faults: ProcessFaults;
  readonly #aborter = new AbortController();
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #settleOpened: () => void;
  readonly #settleEnded: (error: OutriderError) => void;
  #loop: Promise<void> | undefined;
  #stopping = false;
  #drained: Promise<Uint8Array> | undefined;
  #isBeside: boolean;
  /** Why the host is ending its child; empty where it is not. */
  #silence = "";
  /** How the child of this connection has ended; empty where it has not. */
  #end = "";

  constructor(options: GenerationOptions) {
    const { context, spec, tally, log } = options;
    const { timing, metrics, clock } = context;
    const opened = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<OutriderError>();
    this.ended = ended.promise;
    this.opened = Promise.race([opened.promise, ended.promise.then((error) => Promise.reject(error))]);
    this.opened.catch(() => {});
    this.#settleOpened = opened.resolve;
    this.#settleEnded = ended.resolve;
    this.#options = options;
    this.#isBeside = options.isBeside;
    this.#backoff = createBackoff(timing, options.random);
    this.#faults = new ProcessFaults({ name: spec.name, timing, clock, log, metrics, tally });
    this.#connection = new LinkSlot(() => clock.nowMs());
    this.#sleep = createSleep(clock, this.#aborter.signal);
    this.#source = createSource(options, this.#sleep, {
      starting: () => this.#childStarts(),
      ended: (how) => this.#childEnded(how),
    });
    this.#feedback = createFeedback(options);
    this.#remotes = createRemotes(options, this.#feedback);
  }

  get number(): number {
    return this.#options.number;
  }

  /** Plugins that it serves, in the order of the configuration. */
  get entries(): readonly PluginEntry[] {
    return this.#options.entries;
  }

  /** Of the child's process group; `undefined` where the host started none or it has ended. */
  get pid(): number | undefined {
    return this.#source.pid;
  }

  /** How it is spoken to; `undefined` while it is not. */
  get profile(): PluginProfile | undefined {
    return this.#connection.link?.profile;
  }

  /** Snapshots published and not acknowledged. */
  get revLag(): number {
    return this.#connection.link?.revLag ?? 0;
  }

  /** What is asked in an entry's place. */
  remoteOf(entry: PluginEntry): RemotePlugin {
    return this.#remotes.get(entry)!;
  }

  /** Starts and connects, again and again until it is stopped or given up. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Breaks the connection, if there is one; the next attempt makes another, to the same child. */
  reconnect(): void {
    this.#connection.link?.close();
  }

  publish(snapshot: EndpointSnapshot): void {
    this.#connection.link?.publish(snapshot);
  }

  /** As that of the whole runtime. */
  flush(): boolean {
    const { link } = this.#connection;
    if (link === undefined) return true;
    this.#feedback.flush();
    return link.catchUp() && this.#feedback.queued === 0;
  }

  /** See {@link LinkSlot.greet}. */
  greet(to: GreetedFrame): void {
    this.#connection.greet(to);
  }

  /** It stands beside nobody any more: calls of decisions are put to it. */
  promote(): void {
    if (!this.#isBeside) return;
    this.#isBeside = false;
    if (this.#connection.link !== undefined) this.#connection.link.activate();
    else this.#again();
  }

  /** Tries it again where it was given up; false where it was not. */
  release(): boolean {
    if (this.#faults.verdict === undefined || this.#stopping) return false;
    this.#faults.forgive();
    this.#backoff.reset();
    this.#again();
    return true;
  }

  /** Gives it what its predecessor has learned. */
  async takeOver(handoff: Uint8Array): Promise<void> {
    await this.#connection.link?.handOff(handoff);
  }

  /** No further calls: those that are open end. Resolves with what was learned, empty = nothing; idempotent. */
  drain(): Promise<Uint8Array> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Drains and ends it. Bounded; idempotent. */
  async stop(): Promise<void> {
    await this.drain();
    this.#aborter.abort();
    await this.#source.end();
    await this.#loop;
    // A child whose start was under way.
    await this.#source.end();
    this.#moveAll("stopped");
  }

  async #drain(): Promise<Uint8Array> {
    this.#stopping = true;
    this.#moveAll("draining");
    for (const remote of this.#remotes.values()) remote.endOpen();
    this.#feedback.flush();
    const link = this.#connection.link;
    return link === undefined ? noState : link.drain(this.#options.context.timing.drainMs);
  }

  #again(): void {
    const before = this.#loop ?? Promise.resolve();
    this.#loop = before.then(() => this.#run());
  }

  async #run(): Promise<void> {
    this.#settleEnded(await this.#try());
  }

  /** Attempt after attempt; returns why there is no further one. */
  async #try(): Promise<OutriderError> {
    while (!this.#stopping) {
      const error = await this.#live();
      if (this.#stopping) break;
      const { verdict } = this.#faults;
      if (verdict !== undefined) {
        this.#moveAll(verdict.state, verdict.message);
        await this.#source.end();
        return new OutriderError("PLUGIN_REJECTED", verdict.message);
      }
      this.#moveAll("backoff", error.message);
      if (this.#isBeside) return this.#explainEnd(error);
      await this.#sleep(this.#backoff.nextDelayMs()).catch(() => {});
    }
    return new OutriderError("SCORER_UNAVAILABLE", `${this.#options.spec.name} is stopped`);
  }

  /** A connection is often lost before the end of its child is known, which says more. */
  async #explainEnd(error: OutriderError): Promise<OutriderError> {
    if (this.#end === "") await this.#sleep(exitGraceMs).catch(() => {});
    return this.#end === "" ? error : new OutriderError("SCORER_UNAVAILABLE", this.#end, { cause: error });
  }

  /** One connection, from its opening to its end; returns why it ended. */
  async #live(): Promise<OutriderError> {
    this.#end = "";
    try {
      return await this.#serve(await this.#open());
    } catch (cause) {
      const error = toOpeningError(cause, this.#options.spec);
      if (error.code === "PLUGIN_REJECTED") this.#faults.rejected(error.message);
      if (error.code === "SCORER_DEADLINE") await this.#endSilent(error);
      return error;
    }
  }

  /** Alive and silent: nothing but a fresh start helps. */
  async #endSilent({ message }: OutriderError): Promise<void> {
    this.#silence = message;
    await this.#source.end();
    this.#silence = "";
  }

  async #open(): Promise<PluginLink> {
    const to = await this.#source.reach();
    this.#aborter.signal.throwIfAborted();
    const { greeting, lastBootId } = this.#connection;
    greeting.clear();
    const context = toLinkContext(this.#options, {
      source: this.#source,
      feedback: this.#feedback,
      greeting,
      lastBootId,
      violation: (error, message) => this.#violated(error, message),
      signal: this.#aborter.signal,
    });
    if (to.kind === "session") return openSessionLink(context, to.target);
    return openUnaryLink(context, to.target);
  }

  async #serve(link: PluginLink): Promise<OutriderError> {
    const { clock, timing } = this.#options.context;
    this.#connect(link);
    const sinceMs = clock.elapsedMs();
    const lost = await link.closed;
    const error = this.#end === "" ? lost : new OutriderError("SCORER_UNAVAILABLE", this.#end, { cause: lost });
    for (const plugin of link.plugins) this.remoteOf(plugin.entry).disconnect();
    this.#connection.drop();
    if (clock.elapsedMs() - sinceMs >= timing.stableMs) this.#backoff.reset();
    return error;
  }

  #connect(link: PluginLink): void {
    const { spec, context } = this.#options;
    const remembers = this.#connection.take(link, context.table.current);
    if (spec.kind === "url") this.#countStart(this.#connection.count);
    for (const plugin of link.plugins) {
      this.remoteOf(plugin.entry).connect(plugin, remembers);
      plugin.entry.pluginVersion = link.pluginVersion;
      plugin.entry.move("shadow");
    }
    if (!this.#isBeside) link.activate();
    this.#settleOpened();
  }

  #violated(error: OutriderError, message: Uint8Array): void {
    // Behind what the connection itself makes of it: its calls fail by the rule that was broken.
    if (this.#faults.violated(error, message)) queueMicrotask(() => this.#connection.link?.close());
  }

  #childStarts(): void {
    this.#moveAll("starting");
    this.#countStart(this.#source.starts);
  }

  #childEnded(how: string): void {
    if (this.#stopping || this.#faults.verdict !== undefined) return;
    const why = this.#silence || how;
    this.#options.log.warn(`the plugin's process has ended: ${why}`);
    this.#faults.crashed(why);
    this.#end = why;
    this.#connection.link?.close();
  }

  #countStart(count: number): void {
    if (count < 2) return;
    this.#options.tally.restarts += 1;
    for (const entry of this.#options.entries) entry.metrics.restarts(entry.spec.name);
  }

  #moveAll(state: PluginState, message = ""): void {
    for (const entry of this.#options.entries) entry.move(state, message);
  }
}
