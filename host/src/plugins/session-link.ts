import { randomBytes } from "node:crypto";
import type { EndpointSnapshot } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import {
  openSession,
  type PluginTarget,
  type SessionClient,
  type SessionEvents,
  type SessionOptions,
  wantedEvents,
} from "@outrider/transport";
import { type Liveness, watchLiveness } from "./liveness.ts";
import { type AcceptedPlugin, type AskingProfile, handOn, negotiate } from "./negotiate.ts";
import type { LinkContext, LinkedPlugin, PluginLink, TableHolder } from "./plugin-link.ts";
import { createPushedTables, type PushedTables } from "./pushed-tables.ts";
import type { PluginProfile } from "./types.ts";
import { withTimeout } from "./with-timeout.ts";

/**
 * Opens a Session and brings the plugin to the current snapshot.
 * @throws {OutriderError} `PLUGIN_REJECTED` when no configured plugin can run or the token is not accepted; otherwise as
 *   the session fails.
 */
export function openSessionLink(context: LinkContext, target: PluginTarget): Promise<PluginLink> {
  return linkSession(context, "session", (options) => openSession(target, options));
}

/**
 * As {@link openSessionLink}, over a session that somebody else opens: the replicated profile is one too, by unary calls.
 */
export async function linkSession(
  context: LinkContext,
  profile: AskingProfile,
  open: (options: SessionOptions) => SessionClient,
): Promise<PluginLink> {
  const link = new SessionLink(context, profile, open);
  try {
    await link.open();
    return link;
  } catch (cause) {
    link.close();
    throw cause;
  }
}

class SessionLink implements PluginLink {
  readonly closed: Promise<OutriderError>;
  readonly #context: LinkContext;
  readonly #profile: AskingProfile;
  readonly #session: SessionClient;
  readonly #settleClosed: (error: OutriderError) => void;
  readonly #holder: TableHolder;
  readonly #epoch = randomEpoch();
  #bootId = "";
  #pluginVersion = "";
  #takesHandoff = false;
  #plugins: readonly LinkedPlugin[] = [];
  #tables: PushedTables | undefined;
  #liveness: Liveness | undefined;
  #publishedRev = -1;
  #isActive = false;
  /** Why calls may be in vain; empty = they are not. */
  #stalled = "";
  #unready = "";

  constructor(context: LinkContext, profile: AskingProfile, open: (options: SessionOptions) => SessionClient) {
    const closed = Promise.withResolvers<OutriderError>();
    this.closed = closed.promise;
    this.#settleClosed = closed.resolve;
    this.#context = context;
    this.#profile = profile;
    this.#holder = context.table.addHolder();
    this.#session = open({
      token: context.token,
      epoch: this.#epoch,
      events: this.#events(),
      connectTimeoutMs: context.timing.connectMs,
      onFrame: (direction, message) => context.frame(direction, message),
    });
    context.signal.addEventListener("abort", this.#abort, { once: true });
  }

  get profile(): PluginProfile {
    return this.#tables?.isUsed === true ? "push" : this.#profile;
  }

  get bootId(): string {
    return this.#bootId;
  }

  get pluginVersion(): string {
    return this.#pluginVersion;
  }

  get plugins(): readonly LinkedPlugin[] {
    return this.#plugins;
  }

  /** Whether it is told what becomes of its calls. */
  get #listens(): boolean {
    return this.#plugins.some(({ granted }) => wantedEvents(granted).size > 0);
  }

  get revLag(): number {
    return Math.max(0, this.#publishedRev - this.#session.ackedRev);
  }

  async open(): Promise<void> {
    const { bootId, pluginVersion, takesHandoff, plugins } = await negotiate(
      this.#session,
      this.#profile,
      this.#context,
    );
    for (const { entry } of plugins) entry.move("syncing");
    const tables = createPushedTables(plugins, this.#epoch, this.#context);
    this.#tables = tables;
    await this.#sync();
    await tables.arrived();
    for (const { entry } of plugins) entry.move("shadow");
    this.#bootId = bootId;
    this.#pluginVersion = pluginVersion;
    this.#takesHandoff = takesHandoff;
    this.#plugins = plugins.map((plugin) => this.#toLinked(plugin, tables));
    if (this.#listens) this.#attachFeedback();
  }

  activate(): void {
    this.#isActive = true;
    for (const { entry } of this.#plugins) entry.move("active");
    this.#showHealth();
  }

  publish(snapshot: EndpointSnapshot): void {
    if (snapshot.rev <= this.#publishedRev) return;
    this.#publishedRev = snapshot.rev;
    this.#liveness?.published(snapshot.rev);
    this.#tables?.publish(snapshot);
    this.#session.publish(snapshot);
    this.#noteAcks();
  }

  catchUp(): boolean {
    this.#noteAcks();
    return this.#session.callRev >= this.#publishedRev;
  }

  resync(): void {
    this.#session.resync();
  }

  async drain(deadlineMs: number): Promise<Uint8Array> {
    try {
      return await this.#session.drain(deadlineMs);
    } catch (err) {
      this.#context.log.info({ err }, "the plugin was not drained");
      return new Uint8Array(0);
    } finally {
      this.close();
    }
  }

  async handOff(state: Uint8Array): Promise<void> {
    if (state.length === 0 || !this.#takesHandoff) return;
    const { log } = this.#context;
    try {
      await handOn(this.#session, this.#context, state);
      // What the predecessor counted is older than what the plugin has been told since.
      if (this.#listens) this.#session.inflight(this.#context.table.inflight.requests);
    } catch (err) {
      log.warn({ err }, "the plugin did not take what its predecessor has learned");
    }
  }

  close(): void {
    this.#session.close();
  }

  readonly #abort = () => this.close();

  #events(): SessionEvents {
    const context = this.#context;
    return {
      violation: (error, frame) => context.violation(error, frame),
      answered: ({ id }, _callId, times) => context.answered(context.entries[id - 1]!, times, false),
      lateAnswer: ({ id }, _callId, times) => context.answered(context.entries[id - 1]!, times, true),
      resynced: (error) => context.resynced(error),
      health: (ready, message) => {
        this.#unready = ready ? "" : `not ready: ${message || "it does not say why"}`;
        this.#showHealth();
      },
      table: (table) => this.#tables?.take(table),
      writable: () => context.feedback.resume(),
      closed: (error) => this.#ended(error),
    };
  }

  async #sync(): Promise<void> {
    const { table, timing, clock, log } = this.#context;
    this.publish(table.current);
    await withTimeout(this.#session.synced(), timing.syncMs, clock, "acknowledged no state");
    this.#liveness = watchLiveness(this.#session, timing, clock, {
      degraded: (message) => {
        this.#stalled = message;
        this.#showHealth();
      },
      dead: (message) => {
        log.warn(`the connection is given up: the plugin ${message}`);
        this.close();
      },
    });
  }

  #toLinked({ entry, wire }: AcceptedPlugin, tables: PushedTables): LinkedPlugin {
    const session = this.#session;
    const { name, granted, produces } = wire;
    entry.granted = granted;
    const isProducer = produces.length > 0;
    const misused = () => new OutriderError("SCORER_FAILED", `${name} is a ${isProducer ? "producer" : "scorer"}`);
    return {
      entry,
      granted,
      produces,
      scoreFromTable: (call, scores) => tables.score(wire.id, call, scores),
      score(call, scores) {
        if (isProducer) throw misused();
        return session.score(wire, call, scores);
      },
      produce(call, values) {
        if (!isProducer) throw misused();
        return session.produce(wire, call, values);
      },
    };
  }

  #attachFeedback(): void {
    const { feedback, lastBootId } = this.#context;
    feedback.attach(this.#session, this.#bootId !== "" && this.#bootId === lastBootId);
  }

  #showHealth(): void {
    if (!this.#isActive) return;
    const message = this.#unready || this.#stalled;
    for (const { entry } of this.#plugins) entry.move(message === "" ? "active" : "degraded", message);
  }

  #noteAcks(): void {
    this.#holder.ackedRev = Math.max(this.#holder.ackedRev, this.#session.ackedRev);
  }

  #ended(error: OutriderError): void {
    const context = this.#context;
    if (isGarbage(error)) context.violation(error, new Uint8Array(0));
    context.signal.removeEventListener("abort", this.#abort);
    context.feedback.detach();
    this.#liveness?.stop();
    this.#holder.close();
    this.#settleClosed(error);
  }
}

/** Whether the other side spoke something else than HTTP/2. */
function isGarbage({ cause }: OutriderError): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ERR_HTTP2_ERROR";
}

function randomEpoch(): number {
  return randomBytes(4).readUInt32LE() || 1;
}
