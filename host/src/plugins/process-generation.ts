import type { EndpointSnapshot } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import { fromConnectionError, rpcCodeOf } from "@outrider/transport";
import type { Logger } from "pino";
import { type Backoff, createBackoff } from "./backoff.ts";
import { explainRemote } from "./explain-remote.ts";
import { createFeedbackSender, type FeedbackSender } from "./feedback-sender.ts";
import { createGreeting, type GreetedFrame, type Greeting } from "./greeting.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { LinkContext, PluginLink, RuntimeContext } from "./plugin-link.ts";
import { createAddressSource, createChildSource, createSleep, type PluginSource } from "./plugin-source.ts";
import { ProcessFaults } from "./process-faults.ts";
import type { ProcessTally } from "./process-tally.ts";
import { createRemoteCredentials } from "./remote-credentials.ts";
import { RemotePlugin } from "./remote-plugin.ts";
import { openSessionLink } from "./session-link.ts";
import type { PluginProfile, PluginState, ProcessSpec } from "./types.ts";
import { openUnaryLink } from "./unary-link.ts";

/** What one generation of a plugin process is made of. */
export interface GenerationOptions {
  readonly spec: ProcessSpec;
  /** Counts the generations of the process, from 1. */
  readonly number: number;
  /** Configured plugins that it serves, in the order of the configuration. */
  readonly entries: readonly PluginEntry[];
  readonly context: RuntimeContext;
  readonly tally: ProcessTally;
  /** Keys that a producer of a built-in type writes; empty for any other type. */
  readonly produces: (type: string) => readonly string[];
  readonly log: Logger;
  /** Private folder of the sockets. */
  readonly dir: string;
  /** Short, unlike that of any other generation of any process of the folder. */
  readonly id: string;
  /** In [0, 1). */
  readonly random: () => number;
  /** Sees the messages of its connections. */
  readonly frame: (direction: "sent" | "received", message: Uint8Array) => void;
  /** Whether anybody looks at them. */
  readonly isTapped: () => boolean;
  /** Whether it stands beside an older one: then it has one attempt, and waits in `shadow` for {@link ProcessGeneration.promote}. */
  readonly isBeside: boolean;
}

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
  #link: PluginLink | undefined;
  /** Why the host is ending its child; empty where it is not. */
  #silence = "";
  /** How the child of this connection has ended; empty where it has not. */
  #end = "";
  #lastBootId = "";
  readonly #greeting: Greeting;
  /** Somebody has begun to listen while there was no link: it lacks the beginning of the table. */
  #owesTable = false;
  #links = 0;

  constructor(options: GenerationOptions) {
    const { context, entries, spec, tally, log } = options;
    const { timing, table, metrics, clock } = context;
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
    this.#greeting = createGreeting(() => clock.nowMs());
    this.#sleep = createSleep(clock, this.#aborter.signal);
    this.#source = this.#createSource();
    const dropped = (count: number) => {
      tally.droppedFeedback += count;
      metrics.droppedFeedback(spec.name, count);
    };
    this.#feedback = createFeedbackSender(() => table.inflight.requests, dropped);
    this.#remotes = new Map(entries.map((entry, index) => [entry, this.#createRemote(entry, index + 1)]));
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
    return this.#link?.profile;
  }

  /** Snapshots published and not acknowledged. */
  get revLag(): number {
    return this.#link?.revLag ?? 0;
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
    this.#link?.close();
  }

  publish(snapshot: EndpointSnapshot): void {
    this.#link?.publish(snapshot);
  }

  /** Shows how the connection was opened, and sends the whole table again: where a recording of it can begin. */
  greet(to: GreetedFrame): void {
    this.#greeting.show(to);
    this.#owesTable = this.#link === undefined;
    this.#link?.resync();
  }

  /** It stands beside nobody any more: calls of decisions are put to it. */
  promote(): void {
    if (!this.#isBeside) return;
    this.#isBeside = false;
    if (this.#link !== undefined) this.#link.activate();
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
    await this.#link?.handOff(handoff);
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
    const link = this.#link;
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
      const error = this.#toError(cause);
      if (error.code === "PLUGIN_REJECTED") this.#faults.rejected(error.message);
      if (error.code === "SCORER_DEADLINE") await this.#endSilent(error);
      return error;
    }
  }

  #toError(cause: unknown): OutriderError {
    const { spec } = this.#options;
    const { name, kind } = spec;
    if (!(cause instanceof OutriderError)) return fromConnectionError(cause, name);
    if (rpcCodeOf(cause) !== "unimplemented") return spec.kind === "url" ? explainRemote(cause, spec) : cause;
    const remedy = "serve that version, or unary calls over HTTP/1.1 on PORT or at an http:// address";
    const message = `${name} serves no Session of outrider.scorer.v1: ${remedy}`;
    // What is served elsewhere may be replaced by then; a command is the same the next time.
    return new OutriderError(kind === "url" ? "SCORER_UNAVAILABLE" : "PLUGIN_REJECTED", message, { cause });
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
    this.#greeting.clear();
    const context = this.#linkContext();
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
    this.#link = undefined;
    this.#greeting.clear();
    if (clock.elapsedMs() - sinceMs >= timing.stableMs) this.#backoff.reset();
    return error;
  }

  #connect(link: PluginLink): void {
    const { spec, context } = this.#options;
    const remembers = link.bootId !== "" && link.bootId === this.#lastBootId;
    this.#lastBootId = link.bootId;
    this.#link = link;
    this.#links += 1;
    if (spec.kind === "url") this.#countStart(this.#links);
    link.publish(context.table.current);
    if (this.#owesTable) link.resync();
    this.#owesTable = false;
    for (const plugin of link.plugins) {
      this.remoteOf(plugin.entry).connect(plugin, remembers);
      plugin.entry.pluginVersion = link.pluginVersion;
      plugin.entry.move("shadow");
    }
    if (!this.#isBeside) link.activate();
    this.#settleOpened();
  }

  #linkContext(): LinkContext {
    const { context, spec, log, entries, frame, isTapped, tally } = this.#options;
    const source = this.#source;
    return {
      ...context,
      name: spec.name,
      log,
      entries,
      get token() {
        return source.token;
      },
      feedback: this.#feedback,
      lastBootId: this.#lastBootId,
      violation: (error, message) => {
        // Behind what the connection itself makes of it: its calls fail by the rule that was broken.
        if (this.#faults.violated(error, message)) queueMicrotask(() => this.#link?.close());
      },
      resynced: (error) => {
        tally.resyncs += 1;
        context.metrics.resyncs(spec.name);
        log.warn({ err: error }, "the plugin's state does not fit: the whole table is sent again");
      },
      answered: (entry, times) => entry.answered(times),
      isTapped,
      frame: (direction, message) => {
        this.#greeting.note(direction, message);
        frame(direction, message);
      },
      signal: this.#aborter.signal,
    };
  }

  #childEnded(how: string): void {
    if (this.#stopping || this.#faults.verdict !== undefined) return;
    const why = this.#silence || how;
    this.#options.log.warn(`the plugin's process has ended: ${why}`);
    this.#faults.crashed(why);
    this.#end = why;
    this.#link?.close();
  }

  #countStart(count: number): void {
    if (count < 2) return;
    this.#options.tally.restarts += 1;
    for (const entry of this.#options.entries) entry.metrics.restarts(entry.spec.name);
  }

  #moveAll(state: PluginState, message = ""): void {
    for (const entry of this.#options.entries) entry.move(state, message);
  }

  #createRemote(entry: PluginEntry, instance: number): RemotePlugin {
    const { context, produces, random } = this.#options;
    const { clock, timing, decisionBudgetMs } = context;
    const queue = this.#feedback.push.bind(this.#feedback, instance);
    return new RemotePlugin({
      entry,
      clock,
      timing,
      random,
      decisionBudgetMs,
      produces: produces(entry.spec.type),
      queue,
    });
  }

  #createSource(): PluginSource {
    const { spec, context, log, dir, id } = this.#options;
    const { timing, clock, metrics } = context;
    if (spec.kind === "url") return createAddressSource(spec, createRemoteCredentials(spec, clock, log), timing);
    const events = {
      starting: () => {
        this.#moveAll("starting");
        this.#countStart(this.#source.starts);
      },
      ended: (how: string) => this.#childEnded(how),
    };
    return createChildSource({ spec, log, dir, id, timing, clock, metrics, events, sleep: this.#sleep });
  }
}
