import type { EndpointSnapshot } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import { fromConnectionError } from "@outrider/transport";
import type { Logger } from "pino";
import { type Backoff, createBackoff, createStrikes, type Strikes } from "./backoff.ts";
import { openBasicLink } from "./basic-link.ts";
import { createFeedbackSender, type FeedbackSender } from "./feedback-sender.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { LinkContext, PluginLink, RuntimeContext } from "./plugin-link.ts";
import { createAddressSource, createChildSource, createSleep, type PluginSource } from "./plugin-source.ts";
import { createRemotePlugin, type RemotePlugin } from "./remote-plugin.ts";
import { openSessionLink } from "./session-link.ts";
import type { PluginProfile, PluginState, ProcessSpec } from "./types.ts";

/** What one plugin process is made of. */
export interface ProcessOptions {
  readonly spec: ProcessSpec;
  /** Configured plugins that it serves, in the order of the configuration. */
  readonly entries: readonly PluginEntry[];
  readonly context: RuntimeContext;
  /** Keys that a producer of a built-in type writes; empty for any other type. */
  readonly produces: (type: string) => readonly string[];
  readonly log: Logger;
  /** Private folder of the sockets. */
  readonly dir: string;
  /** Short, unlike that of any other process of the folder. */
  readonly id: string;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Why a process is not tried again. */
interface Verdict {
  readonly state: "failed" | "quarantined";
  readonly message: string;
}

/**
 * One process, started by the host or elsewhere, with all that is kept of it across restarts and connections. Whatever
 * goes wrong with it ends in another attempt, in `failed` or in `quarantined`, never in an exception.
 */
export class PluginProcess {
  readonly #options: ProcessOptions;
  readonly #source: PluginSource;
  readonly #remotes: ReadonlyMap<PluginEntry, RemotePlugin>;
  readonly #feedback: FeedbackSender;
  readonly #backoff: Backoff;
  readonly #crashes: Strikes;
  readonly #violations: Strikes;
  readonly #aborter = new AbortController();
  readonly #sleep: (ms: number) => Promise<void>;
  #loop: Promise<void> | undefined;
  #stopping = false;
  #verdict: Verdict | undefined;
  #link: PluginLink | undefined;
  /** Why the host is ending its child; empty where it is not. */
  #silence = "";
  /** How the child of this connection has ended; empty where it has not. */
  #end = "";
  #lastBootId = "";
  #links = 0;
  #violationCount = 0;
  #offendingFrame: Uint8Array | undefined;

  constructor(options: ProcessOptions) {
    const { context, entries, spec } = options;
    const { timing, table, metrics, clock } = context;
    this.#options = options;
    this.#backoff = createBackoff(timing, options.random);
    this.#crashes = createStrikes(timing.crashLimit, timing.crashWindowMs);
    this.#violations = createStrikes(timing.violationLimit, timing.violationWindowMs);
    this.#sleep = createSleep(clock, this.#aborter.signal);
    this.#source = this.#createSource();
    const dropped = (count: number) => metrics.droppedFeedback(spec.name, count);
    this.#feedback = createFeedbackSender(() => table.inflight.requests, dropped);
    this.#remotes = new Map(entries.map((entry, index) => [entry, this.#createRemote(entry, index + 1)]));
  }

  get name(): string {
    return this.#options.spec.name;
  }

  get pid(): number | undefined {
    return this.#source.pid;
  }

  /** How it is spoken to; `undefined` while it is not. */
  get profile(): PluginProfile | undefined {
    return this.#link?.profile;
  }

  /** Starts of a child, or connections to an address, after the first. */
  get restarts(): number {
    return Math.max(0, (this.#options.spec.kind === "url" ? this.#links : this.#source.starts) - 1);
  }

  /** Answers that broke the contract. */
  get violations(): number {
    return this.#violationCount;
  }

  /** The last of them, as it came. */
  get offendingFrame(): Uint8Array | undefined {
    return this.#offendingFrame;
  }

  /** Snapshots published and not acknowledged. */
  get revLag(): number {
    return this.#link?.revLag ?? 0;
  }

  /** Events it was too slow for. */
  get droppedFeedback(): number {
    return this.#feedback.dropped;
  }

  /** What the cycle asks in an entry's place. */
  remoteOf(entry: PluginEntry): RemotePlugin {
    return this.#remotes.get(entry)!;
  }

  /** Starts and connects, again and again until it is stopped or given up. */
  start(): void {
    this.#loop ??= this.#run();
  }

  publish(snapshot: EndpointSnapshot): void {
    this.#link?.publish(snapshot);
  }

  /** Drains, closes and ends it. Bounded; idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#moveAll("draining");
    this.#feedback.flush();
    await this.#link?.drain(this.#options.context.timing.drainMs);
    this.#aborter.abort();
    await this.#source.end();
    await this.#loop;
    // A child whose start was under way.
    await this.#source.end();
    this.#moveAll("stopped");
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const error = await this.#live();
      if (this.#stopping) return;
      if (this.#verdict !== undefined) {
        this.#moveAll(this.#verdict.state, this.#verdict.message);
        await this.#source.end();
        return;
      }
      this.#moveAll("backoff", error.message);
      await this.#sleep(this.#backoff.nextDelayMs()).catch(() => {});
    }
  }

  /** One connection, from its opening to its end; returns why it ended. */
  async #live(): Promise<OutriderError> {
    this.#end = "";
    try {
      return await this.#serve(await this.#open());
    } catch (cause) {
      const error = cause instanceof OutriderError ? cause : fromConnectionError(cause, this.name);
      if (error.code === "PLUGIN_REJECTED") this.#verdict ??= { state: "failed", message: error.message };
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
    const context = this.#linkContext();
    if (to.kind === "session") return openSessionLink(context, to.target);
    return openBasicLink(context, to.target);
  }

  async #serve(link: PluginLink): Promise<OutriderError> {
    const { clock, timing, table } = this.#options.context;
    const remembers = link.bootId !== "" && link.bootId === this.#lastBootId;
    this.#lastBootId = link.bootId;
    this.#link = link;
    this.#links += 1;
    if (this.#options.spec.kind === "url") this.#countStart(this.#links);
    link.publish(table.current);
    for (const plugin of link.plugins) this.remoteOf(plugin.entry).connect(plugin, remembers);
    link.activate();
    const sinceMs = clock.elapsedMs();
    const lost = await link.closed;
    const error = this.#end === "" ? lost : new OutriderError("SCORER_UNAVAILABLE", this.#end, { cause: lost });
    for (const plugin of link.plugins) this.remoteOf(plugin.entry).disconnect();
    this.#link = undefined;
    if (clock.elapsedMs() - sinceMs >= timing.stableMs) this.#backoff.reset();
    return error;
  }

  #linkContext(): LinkContext {
    const { context, spec, log, entries } = this.#options;
    return {
      ...context,
      name: spec.name,
      log,
      entries,
      token: this.#source.token,
      feedback: this.#feedback,
      lastBootId: this.#lastBootId,
      violation: (error, frame) => this.#violated(error, frame),
      resynced: (error) => {
        context.metrics.resyncs(spec.name);
        log.warn({ err: error }, "the plugin's state does not fit: the whole table is sent again");
      },
      answered: () => {},
      frame: () => {},
      signal: this.#aborter.signal,
    };
  }

  #violated(error: OutriderError, frame: Uint8Array): void {
    const { context, log, spec } = this.#options;
    const { timing, clock, metrics } = context;
    this.#violationCount += 1;
    this.#offendingFrame = Uint8Array.from(frame);
    metrics.violations(spec.name);
    log.warn(
      { err: error, frame: Buffer.from(frame.subarray(0, 256)).toString("hex") },
      "the plugin broke the contract",
    );
    if (!this.#violations.add(clock.nowMs())) return;
    const { violationLimit, violationWindowMs } = timing;
    this.#condemn(
      `${violationLimit} answers against the contract within ${violationWindowMs / 1000} s, last: ${error.message}`,
    );
  }

  #childEnded(how: string): void {
    const { context, log } = this.#options;
    const { timing, clock } = context;
    if (this.#stopping || this.#verdict !== undefined) return;
    const why = this.#silence || how;
    log.warn(`the plugin's process has ended: ${why}`);
    if (this.#crashes.add(clock.nowMs())) {
      this.#condemn(`${timing.crashLimit} ends within ${timing.crashWindowMs / 1000} s, last: ${why}`);
    }
    this.#end = why;
    this.#link?.close();
  }

  #condemn(message: string): void {
    this.#verdict ??= { state: "quarantined", message };
    this.#link?.close();
  }

  #countStart(count: number): void {
    if (count < 2) return;
    for (const entry of this.#options.entries) entry.metrics.restarts(entry.spec.name);
  }

  #moveAll(state: PluginState, message = ""): void {
    for (const entry of this.#options.entries) entry.move(state, message);
  }

  #createRemote(entry: PluginEntry, instance: number): RemotePlugin {
    const { context, produces } = this.#options;
    return createRemotePlugin({
      entry,
      clock: context.clock,
      produces: produces(entry.spec.type),
      queue: (event) => this.#feedback.push(instance, event),
    });
  }

  #createSource(): PluginSource {
    const { spec, context, log, dir, id } = this.#options;
    const { timing, clock, metrics } = context;
    if (spec.kind === "url") return createAddressSource(spec.url, timing);
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
