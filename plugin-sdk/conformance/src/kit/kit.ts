import { randomUUID } from "node:crypto";
import { createRandom, deriveSeed } from "@outrider/core/contract";
import type { HandshakeResponse } from "@outrider/protos/scorer";
import { type Level, levels, NotApplicable, RuleFailure } from "../rule.ts";
import {
  type InstanceOptions,
  isColumnKey,
  type NumberedColumn,
  numberColumns,
  type TestedInstance,
  toBasicInstance,
  toInstances,
} from "./instance.ts";
import type { Configured, Link } from "./link.ts";
import type { PluginUnderTest } from "./plugin-under-test.ts";
import { SessionLink, type SessionLinkOptions } from "./session-link.ts";
import type { StateView } from "./state-steps.ts";
import type { SpokenTarget } from "./target.ts";
import { type CallMaker, createCallMaker } from "./test-call.ts";
import { UnaryLink } from "./unary-link.ts";
import { createWorldMaker, type World, type WorldMaker } from "./world.ts";

/** What a kit is made of. */
export interface KitOptions extends InstanceOptions {
  readonly plugin: PluginUnderTest;
  /** Everything that is random in the run comes from it. */
  readonly seed: number;
  /** Longest wait for one answer, in ms. */
  readonly patienceMs: number;
  /** Level that the plugin is to serve at least; `undefined` = any. */
  readonly demanded: Level | undefined;
}

/** How calls went that were timed. */
export interface Latency {
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the calls that were answered within {@link budgetMs}, in [0, 1]. */
  readonly withinBudget: number;
  readonly budgetMs: number;
}

/** How a connection differs from the one that a host would open. */
export interface LinkChanges {
  /** Default those of the plugin with all that was asked for granted. */
  readonly instances?: readonly Configured[];
  /** Default the plugin's. */
  readonly token?: string;
  /** Default the path of the Session. */
  readonly path?: string;
  /** Default another one for each connection. */
  readonly hostInstance?: string;
}

/** Endpoints of a table where a rule does not say. */
const defaultSize = 12;

/** Plays the host for the rules: opens connections, makes tables and calls. */
export class Kit {
  readonly options: KitOptions;
  /** What the plugin said of itself; `undefined` until it has, and at the level basic. */
  hello: HandshakeResponse | undefined;
  level: Level = "basic";
  instances: readonly TestedInstance[] = [];
  columns: readonly NumberedColumn[] = [];
  latency: Latency | undefined;
  /** Randomness of the rule under way. */
  random: () => number;
  worlds: WorldMaker;
  calls: CallMaker;
  /** What was noticed and breaks no rule. */
  readonly remarks: string[] = [];
  readonly #links = new Set<Link>();

  constructor(options: KitOptions) {
    this.options = options;
    this.random = createRandom(options.seed);
    this.worlds = createWorldMaker([], this.random);
    this.calls = createCallMaker([], this.random);
  }

  get plugin(): PluginUnderTest {
    return this.options.plugin;
  }

  /** Instances that calls are put to; a type that does not look at the request is put none. */
  get asked(): readonly TestedInstance[] {
    return this.instances.filter(({ requestIndependent }) => !requestIndependent);
  }

  /** Starts a rule: what it makes depends on the seed of the run and on the rule alone. */
  begin(ruleId: string): void {
    this.remarks.length = 0;
    this.random = createRandom(deriveSeed(this.options.seed, Number(ruleId.slice(1))));
    const valued = this.columns.map(({ key }) => key).filter(isColumnKey);
    this.worlds = createWorldMaker(valued, this.random);
    this.calls = createCallMaker(this.columns, this.random);
  }

  /** Ends all connections of a rule. */
  end(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
  }

  /** Notices something that breaks no rule. */
  remark(text: string): void {
    this.remarks.push(text);
  }

  /** Takes in what the plugin said of itself. */
  meet(hello: HandshakeResponse | undefined, level: Level): void {
    this.hello = hello;
    this.level = level;
    this.instances = hello === undefined ? [toBasicInstance(this.options)] : toInstances(hello, this.options);
    this.columns = numberColumns(this.instances);
  }

  /** Whether the plugin is served at this level or above. */
  serves(level: Level): boolean {
    return levels.indexOf(this.level) >= levels.indexOf(level);
  }

  /** Opens a connection and says nothing yet. */
  async open(changes: LinkChanges = {}): Promise<Link> {
    const reached = await this.plugin.reach();
    const link = reached.kind === "session" ? this.#session(reached, changes) : this.#unary(reached, changes);
    this.#links.add(link);
    return link;
  }

  /** Opens a Session and says nothing yet. @throws {NotApplicable} where the plugin has none. */
  async openSession(changes: LinkChanges = {}): Promise<SessionLink> {
    const link = await this.open(changes);
    if (link instanceof SessionLink) return link;
    throw new NotApplicable("the plugin serves no Session");
  }

  /** Opens unary calls. @throws {NotApplicable} where the plugin serves a Session. */
  async openUnary(): Promise<UnaryLink> {
    const link = await this.open();
    if (link instanceof UnaryLink) return link;
    throw new NotApplicable("the plugin serves a Session");
  }

  /** A connection that calls can be put over, with a table of 12 endpoints unless another is given. */
  async ready(world: World = this.worlds.create(defaultSize), changes: LinkChanges = {}): Promise<Link> {
    const link = await this.open(changes);
    await this.prepare(link, world, changes);
    return link;
  }

  /** As {@link ready}, for rules of the Session. */
  async readySession(world: World = this.worlds.create(defaultSize), changes: LinkChanges = {}): Promise<SessionLink> {
    const link = await this.openSession(changes);
    await this.prepare(link, world, changes);
    return link;
  }

  /** Hello, configuration and the first table, as far as the level has them. */
  async prepare(link: Link, world: World, { instances = this.instances }: LinkChanges = {}): Promise<void> {
    await this.configure(link, instances);
    await link.full(world);
    if (link instanceof SessionLink) await link.until(() => link.health?.ready !== false || undefined, "to be ready");
  }

  /** Hello and configuration. @throws {RuleFailure} where the configuration is refused. */
  async configure(link: Link, instances: readonly Configured[] = this.instances): Promise<void> {
    if (this.level === "basic") return;
    await link.hello();
    const { errors } = await link.configure(instances);
    if (errors.length === 0) return;
    const faults = errors.map(({ instance, path, message }) => `instance ${instance} ${path}: ${message}`);
    throw new RuleFailure("no fault in its configuration", faults.join("; "));
  }

  #session(reached: Extract<SpokenTarget, { kind: "session" }>, changes: LinkChanges): SessionLink {
    const { path } = changes;
    const options: SessionLinkOptions = { ...this.#linkOptions(changes), target: reached.target };
    return new SessionLink(path === undefined ? options : { ...options, path });
  }

  #unary(reached: Extract<SpokenTarget, { kind: "unary" }>, changes: LinkChanges): UnaryLink {
    return new UnaryLink({ ...this.#linkOptions(changes), target: reached.target, isBasic: this.level === "basic" });
  }

  #linkOptions({ instances = this.instances, token = this.plugin.token, hostInstance = randomUUID() }: LinkChanges) {
    const { patienceMs } = this.options;
    return { token, hostInstance, patienceMs, columns: this.columns, view: this.#view(instances) };
  }

  #view(instances: readonly Configured[]): StateView {
    const granted = new Set(instances.flatMap((instance) => instance.granted.map(({ key }) => key)));
    return {
      epoch: 1 + Math.floor(this.random() * (2 ** 32 - 2)),
      columns: this.columns.filter(({ key }) => isColumnKey(key) && granted.has(key)),
      hasLabels: granted.has("endpoint.labels"),
      hasSets: granted.has("endpoint.sets"),
    };
  }
}
