import { randomBytes } from "node:crypto";
import { OutriderError } from "@outrider/core/contract";
import { type HandshakeResponse, Role, type ScorerSpec } from "@outrider/protos/scorer";
import {
  openSession,
  type PluginTarget,
  type SessionClient,
  type WireInstance,
  wantedEvents,
} from "@outrider/transport";
import { admitPlugin, fromWireNeed, toWireNeed } from "./admit-plugin.ts";
import { columnsOf, dataOf, KeyNumbers } from "./key-numbers.ts";
import { type Liveness, watchLiveness } from "./liveness.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { LinkContext, LinkedPlugin, PluginLink, TableHolder } from "./plugin-link.ts";
import { withTimeout } from "./with-timeout.ts";

/**
 * Opens a Session: hello, grants, configuration, the whole table; then the plugins that were accepted are active.
 * @throws {OutriderError} `PLUGIN_REJECTED` when none was, or the plugin does not know the token; otherwise as the
 *   session fails.
 */
export async function openSessionLink(context: LinkContext, target: PluginTarget): Promise<PluginLink> {
  const link = new SessionLink(context, target);
  try {
    await link.open();
    return link;
  } catch (cause) {
    link.close();
    throw cause;
  }
}

/** A configured plugin on its way through the opening. */
interface Candidate {
  readonly entry: PluginEntry;
  readonly wire: WireInstance;
}

class SessionLink implements PluginLink {
  readonly profile = "session";
  readonly closed: Promise<OutriderError>;
  readonly #context: LinkContext;
  readonly #session: SessionClient;
  readonly #numbers = new KeyNumbers();
  #candidates: readonly Candidate[] = [];
  #plugins: readonly LinkedPlugin[] = [];
  #bootId = "";
  #holder: TableHolder | undefined;
  #liveness: Liveness | undefined;
  #publishedRev = 0;
  #stalled = "";
  #unready = "";

  constructor(context: LinkContext, target: PluginTarget) {
    this.#context = context;
    const closed = Promise.withResolvers<OutriderError>();
    this.closed = closed.promise;
    this.#session = openSession(target, {
      token: context.token,
      epoch: randomEpoch(),
      events: {
        violation: (error, frame) => context.violation(error, frame),
        answered: () => {},
        lateAnswer: () => {},
        resynced: (error) => this.#resynced(error),
        health: (ready, message) => this.#health(ready, message),
        table: () => {},
        writable: () => context.feedback.resume(),
        closed: (error) => {
          this.#release();
          closed.resolve(error);
        },
      },
    });
    context.signal.addEventListener("abort", this.#abort, { once: true });
  }

  get plugins(): readonly LinkedPlugin[] {
    return this.#plugins;
  }

  get bootId(): string {
    return this.#bootId;
  }

  get revLag(): number {
    return Math.max(0, this.#publishedRev - this.#session.ackedRev);
  }

  async open(): Promise<void> {
    const hello = await this.#hello();
    this.#bootId = hello.bootId;
    this.#candidates = this.#admit(hello);
    this.#expectSome();
    this.#move("configuring");
    await this.#configure();
    this.#move("syncing");
    await this.#sync();
    this.#move("shadow");
    this.#attachFeedback();
    this.#plugins = this.#candidates.map((candidate) => this.#toLinked(candidate));
    for (const { entry, granted } of this.#plugins) entry.granted = granted;
  }

  publish(snapshot: LinkContext["table"]["current"]): void {
    this.#publishedRev = snapshot.rev;
    this.#liveness?.published(snapshot.rev);
    this.#session.publish(snapshot);
    this.#noteAcks();
  }

  async drain(deadlineMs: number): Promise<void> {
    await this.#session.drain(deadlineMs).catch(() => {});
    this.close();
  }

  close(): void {
    this.#session.close();
  }

  readonly #abort = () => this.close();

  async #hello(): Promise<HandshakeResponse> {
    const { host, table, timing } = this.#context;
    for (const entry of this.#context.entries) entry.move("handshaking");
    const request = {
      host: "outrider",
      hostVersion: host.version,
      hostInstance: host.instance,
      availableColumns: table.current.columns.keys.map((key) => this.#numbers.column(key)),
    };
    return this.#session.hello(request, timing.handshakeMs);
  }

  #admit(hello: HandshakeResponse): Candidate[] {
    const candidates: Candidate[] = [];
    this.#context.entries.forEach((entry, index) => {
      try {
        candidates.push(this.#admitOne(entry, index + 1, hello.scorers));
      } catch (cause) {
        if (!(cause instanceof OutriderError)) throw cause;
        entry.move("failed", cause.message);
      }
    });
    return candidates;
  }

  #admitOne(entry: PluginEntry, id: number, scorers: readonly ScorerSpec[]): Candidate {
    const { name, type } = entry.spec;
    const spec = scorers.find((offered) => offered.type === type);
    if (spec === undefined) {
      const offered = scorers.map((scorer) => scorer.type).join(", ");
      throw new OutriderError("PLUGIN_REJECTED", `${this.#context.name} serves no type ${type}; it serves ${offered}`);
    }
    const granted = admitPlugin(entry, spec.needs.map(fromWireNeed), this.#context);
    const produces = spec.role === Role.PRODUCER ? spec.produces.map((key) => `data.${key}`) : [];
    const data = [...new Set([...dataOf(granted), ...produces])].map((key) => this.#numbers.column(key));
    return { entry, wire: { id, name, granted, data, produces } };
  }

  /** Without the instances that it finds fault with, the plugin is configured again. */
  async #configure(): Promise<void> {
    for (;;) {
      const { errors } = await this.#session.configure(this.#configuration(), this.#context.timing.handshakeMs);
      if (errors.length === 0) return;
      const known = errors.filter(({ instance }) => this.#candidates.some(({ wire }) => wire.id === instance));
      if (known.length === 0)
        throw new OutriderError("PLUGIN_REJECTED", errors.map(({ message }) => message).join("; "));
      this.#candidates = this.#candidates.filter(({ entry, wire }) => {
        const faults = known.filter(({ instance }) => instance === wire.id);
        if (faults.length > 0) entry.move("failed", faults.map((fault) => faultText(entry, fault)).join("; "));
        return faults.length === 0;
      });
      this.#expectSome();
    }
  }

  #configuration() {
    const { decisionBudgetMs, timing } = this.#context;
    const columns = new Set(this.#candidates.flatMap(({ wire }) => columnsOf(wire.granted)));
    const budgetMs = Math.max(...this.#candidates.map(({ entry }) => entry.spec.budgetMs));
    return {
      instances: this.#candidates.map(({ entry, wire }) => ({
        id: wire.id,
        type: entry.spec.type,
        configJson: toJsonBytes(entry.spec.parameters),
        granted: wire.granted.map(toWireNeed),
        data: wire.data.map(({ key }) => this.#numbers.column(key)),
      })),
      columns: Array.from(columns, (key) => this.#numbers.column(key)),
      budgetUs: Math.round(Math.min(decisionBudgetMs, budgetMs) * 1000),
      syncBudgetMs: timing.syncMs,
    };
  }

  async #sync(): Promise<void> {
    const { table, timing, clock } = this.#context;
    this.#holder = table.addHolder();
    this.publish(table.current);
    await withTimeout(this.#session.synced(), timing.syncMs, clock, "acknowledged no state");
    this.#noteAcks();
    this.#liveness = watchLiveness(this.#session, timing, clock, {
      degraded: (message) => {
        this.#stalled = message;
        this.#showHealth();
      },
      dead: (message) => {
        this.#context.log.warn(`connection given up: the plugin ${message}`);
        this.close();
      },
    });
  }

  #attachFeedback(): void {
    if (!this.#candidates.some(({ wire }) => wantedEvents(wire.granted).size > 0)) return;
    const remembers = this.#bootId !== "" && this.#bootId === this.#context.lastBootId;
    this.#context.feedback.attach(this.#session, remembers);
  }

  #toLinked({ entry, wire }: Candidate): LinkedPlugin {
    const session = this.#session;
    return {
      entry,
      granted: wire.granted,
      produces: wire.produces,
      score: (call, scores) => session.score(wire, call, scores),
      produce: (call, values) => session.produce(wire, call, values),
    };
  }

  /** The plugins can be asked: called by whoever hands them to the cycle. */
  activate(): void {
    this.#move("active");
    this.#showHealth();
  }

  #expectSome(): void {
    if (this.#candidates.length > 0) return;
    throw new OutriderError("PLUGIN_REJECTED", `none of the plugins of ${this.#context.name} can run`);
  }

  #move(state: "configuring" | "syncing" | "shadow" | "active"): void {
    for (const { entry } of this.#candidates) entry.move(state);
  }

  #health(ready: boolean, message: string): void {
    this.#unready = ready ? "" : `not ready: ${message || "the plugin does not say why"}`;
    this.#showHealth();
  }

  #showHealth(): void {
    const message = this.#unready || this.#stalled;
    for (const { entry } of this.#plugins) entry.move(message === "" ? "active" : "degraded", message);
  }

  #resynced(error: OutriderError): void {
    this.#context.metrics.resyncs(this.#context.name);
    this.#context.log.warn({ err: error }, "the plugin's state did not fit: the whole table is sent again");
  }

  #noteAcks(): void {
    const { ackedRev } = this.#session;
    if (this.#holder !== undefined && ackedRev > this.#holder.ackedRev) this.#holder.ackedRev = ackedRev;
  }

  #release(): void {
    this.#context.signal.removeEventListener("abort", this.#abort);
    this.#liveness?.stop();
    this.#context.feedback.detach();
    this.#holder?.close();
  }
}

function faultText(
  { spec }: PluginEntry,
  { path, message }: { readonly path: string; readonly message: string },
): string {
  return `${spec.path}.parameters${path === "" ? "" : `.${path}`}: ${message}`;
}

function toJsonBytes(parameters: unknown): Uint8Array {
  return parameters === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(parameters));
}

function randomEpoch(): number {
  return randomBytes(4).readUInt32LE() || 1;
}
