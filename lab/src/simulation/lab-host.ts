import { tmpdir } from "node:os";
import {
  createLeases,
  createRandom,
  type DecisionRecord,
  deriveSeed,
  type EndpointTable,
  type Leases,
  OutriderError,
} from "@outrider/core";
import {
  createConfigInForce,
  createPluginRuntime,
  createScheduler,
  createSchedulingMetrics,
  type HostConfig,
  type PluginCatalogue,
  type PluginRuntime,
  Registry,
  type Scheduler,
  systemClock,
} from "@outrider/host";
import type { PluginDisturbance, RunEnd, Scenario } from "../contract/index.ts";
import { believedTokens } from "./believed-tokens.ts";
import { createPluginPost, type PluginPost } from "./plugin-post.ts";
import { RealCalls } from "./real-calls.ts";
import { SimulatedPlugin } from "./simulated-plugin.ts";
import type { Logger } from "./types.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What the host of a simulation is made of. */
export interface LabHostParts {
  readonly scenario: Pick<Scenario, "seed" | "disturbances">;
  readonly config: HostConfig;
  readonly catalogue: PluginCatalogue;
  readonly table: EndpointTable;
  readonly clock: VirtualClock;
  readonly log: Logger;
}

/** A host without its data layer and doors, whose decisions take virtual time. */
export interface LabHost {
  readonly scheduler: Scheduler;
  readonly leases: Leases;
  readonly post: PluginPost;
  /** Calls to plugins that are answered in real time. */
  readonly calls: RealCalls;
  /** Whether some plugin hears of answers under way. */
  readonly tellsProgress: boolean;
  /** Record of the decision that was just made; `undefined` where none was. */
  takeRecord(): DecisionRecord | undefined;
  /** Prompt tokens that a decision believed to be cached at an endpoint; `NaN` = nobody said. */
  believedTokens(record: DecisionRecord, endpoint: string): number;
  /** Calls of each plugin by how they ended. */
  outcomes(): RunEnd["plugins"];
  /** Ends the plugins. */
  stop(): Promise<void>;
}

/** How long plugins may take to start, in real ms. */
const startMs = 15_000;
/** What of a seed each kind of chance takes. */
const seeds = { decisions: 1, misses: 2 } as const;
/** In virtual time a plugin is judged by nobody: what would take it out of decisions would take real time. */
const timing = { ejectErrors: Number.POSITIVE_INFINITY, ejectMissShare: 1 };
const undisturbed: PluginDisturbance = { latencyMs: 0, missShare: 0, outages: [] };

/**
 * Starts the real scheduler, cycle and plugins over a table that somebody else fills.
 * @throws {OutriderError} `CONFIG_INVALID` for parameters of plugins; `SCENARIO_INVALID` for a disturbance of a plugin
 *   that there is not.
 */
export async function openLabHost(parts: LabHostParts): Promise<LabHost> {
  const { scenario, config, catalogue, table, clock, log } = parts;
  checkDisturbances(parts);
  const registry = new Registry();
  const runtime = await createPluginRuntime({
    specs: config.plugins,
    processes: config.processes,
    workers: config.workers,
    catalogue,
    host: { instance: "lab", version: "0.0.0" },
    socketDir: tmpdir(),
    table,
    clock: systemClock,
    inlineClock: clock,
    log,
    registry,
    decisionBudgetMs: config.budgetMs,
    timing,
  });
  const calls = new RealCalls(log);
  const post = createPluginPost(
    runtime,
    table,
    config.plugins.some(({ placement }) => placement !== "inline"),
  );
  const inForce = createConfigInForce(config, {
    plugins: simulate(parts, runtime, calls, post),
    dataLayer: { prepare: () => Promise.reject(new Error("a simulation keeps its configuration")) },
    clock,
    log,
    loaded() {},
  });
  const leases = createLeases(table);
  const metrics = createSchedulingMetrics(registry, () => leases.count());
  let last: DecisionRecord | undefined;
  let decisions = 0;
  const scheduler = createScheduler({
    inForce: () => inForce.current,
    table,
    leases,
    ring: {
      add(record) {
        last = record;
      },
    },
    metrics,
    clock,
    granted: () => inForce.granted,
    isRehearsal: false,
    seed: () => deriveSeed(deriveSeed(scenario.seed, seeds.decisions), decisions++),
    idPrefix: "lab",
    usesSubset: false,
    onError: (err) => log.error({ err }, "a decision failed"),
  });
  try {
    await runtime.start(startMs);
  } catch (cause) {
    await runtime.stop();
    throw cause;
  }
  tellMissing(runtime, log);
  const producers = new Map(inForce.plan.waves.flat().map(({ producer }) => [producer.name, producer]));
  return {
    scheduler,
    leases,
    post,
    calls,
    get tellsProgress() {
      return inForce.granted.some(({ key }) => key === "events.progress");
    },
    takeRecord() {
      const record = last;
      last = undefined;
      return record;
    },
    believedTokens: (record, endpoint) =>
      believedTokens(record, slotOf(record, endpoint), ({ name, values }, key) => {
        return values[producers.get(name)?.produces.indexOf(key) ?? -1];
      }),
    outcomes: () => Object.fromEntries(config.plugins.map(({ name }) => [name, metrics.calls(name)])),
    stop: () => runtime.stop(),
  };
}

/** The runtime as a plan is made from it. */
function simulate(
  { config, scenario, clock }: LabHostParts,
  runtime: PluginRuntime,
  calls: RealCalls,
  post: PluginPost,
): Pick<PluginRuntime, "scorer" | "producer" | "granted" | "prepare"> {
  const plugins = new Map(
    config.plugins.map(({ name, placement }, i) => {
      const disturbance = scenario.disturbances[name] ?? undisturbed;
      const random = createRandom(deriveSeed(deriveSeed(scenario.seed, seeds.misses), i));
      const isInline = placement === "inline";
      return [name, new SimulatedPlugin({ name, isInline, disturbance, clock, calls, post, random })];
    }),
  );
  const pluginOf = (name: string): SimulatedPlugin => {
    const plugin = plugins.get(name);
    if (plugin === undefined) throw new Error(`no plugin is named ${name}`);
    return plugin;
  };
  return {
    scorer: (name) => pluginOf(name).scorer(runtime.scorer(name)),
    producer: (name) => pluginOf(name).producer(runtime.producer(name)),
    get granted() {
      return runtime.granted;
    },
    prepare: (next) => runtime.prepare(next),
  };
}

function checkDisturbances({ scenario, config }: LabHostParts): void {
  const names = config.plugins.map(({ name }) => name);
  const unknown = Object.keys(scenario.disturbances).filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  const message = `disturbances: the configuration has no plugin ${unknown.join(", ")}; it has ${names.join(", ")}`;
  throw new OutriderError("SCENARIO_INVALID", message);
}

function tellMissing(runtime: PluginRuntime, log: Logger): void {
  for (const { name, state, message } of runtime.status()) {
    if (state !== "active") log.warn({ plugin: name, state }, `the plugin is not there: ${message}`);
  }
}

function slotOf({ snapshot }: DecisionRecord, endpoint: string): number {
  return snapshot.live.find((slot) => snapshot.at(slot)?.id === endpoint) ?? -1;
}
