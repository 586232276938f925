import { tmpdir } from "node:os";
import { createLeases, type EndpointTable, type Screener } from "@outrider/core";
import {
  createConfigInForce,
  createDecisionRing,
  createLog,
  createPluginRuntime,
  createReferenceMetrics,
  createScheduler,
  createSchedulingMetrics,
  type HostConfig,
  type Registry,
  type Scheduler,
  systemClock,
} from "@outrider/host";
import { plugins as catalogue } from "outrider/plugins";

/** What a host over a table is made of. */
export interface TableHostParts {
  readonly config: HostConfig;
  /** Filled by whoever asks; its snapshots reach the plugins. */
  readonly table: EndpointTable;
  readonly registry: Registry;
  /** Whether the gateway's subset counts; default true. */
  readonly usesSubset?: boolean;
  /** Whether gateways are told the scores of endpoints; default not. */
  readonly emitsScores?: boolean;
  /** Name of the pool in metrics; default none. */
  readonly poolName?: string;
  /** Asked behind those of the configuration; default none. */
  readonly screeners?: readonly Screener[];
}

/** A host without its data layer and doors. */
export interface TableHost {
  readonly scheduler: Scheduler;
  /** The latest decisions. */
  readonly ring: ReturnType<typeof createDecisionRing>;
  /** Waits for plugins, at most so long. */
  start(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

type SchedulerParts = Parameters<typeof createScheduler>[0];

const log = createLog(0);

/** The real scheduler, cycle and plugins over a table that is filled by hand; seeds count from 1. */
export async function openTableHost(parts: TableHostParts): Promise<TableHost> {
  const { config, table, registry, usesSubset = true, emitsScores = false, poolName = "", screeners = [] } = parts;
  const plugins = await createPluginRuntime({
    specs: config.plugins,
    processes: config.processes,
    workers: config.workers,
    catalogue,
    host: { instance: "table", version: "0.0.0" },
    socketDir: tmpdir(),
    table,
    clock: systemClock,
    log,
    registry,
    decisionBudgetMs: config.budgetMs,
  });
  table.onPublish((snapshot, change) => plugins.publish(snapshot, change));
  const inForce = createConfigInForce(config, {
    plugins,
    dataLayer: { prepare: () => Promise.reject(new Error("a table that is filled by hand has no data layer")) },
    clock: systemClock,
    log,
    loaded() {},
  });
  const leases = createLeases(table);
  const ring = createDecisionRing(16);
  const observer = createReferenceMetrics({
    registry,
    inForce: () => inForce.current,
    requests: () => inForce.config.requests,
    table,
    nowMs: systemClock.nowMs,
    poolName,
    version: "0.0.0",
  });
  let seed = 0;
  const scheduler = createScheduler({
    inForce: withScreeners(() => inForce.current, screeners),
    table,
    leases,
    ring,
    metrics: createSchedulingMetrics(registry, () => leases.count()),
    clock: systemClock,
    granted: () => inForce.granted,
    isRehearsal: false,
    seed: () => ++seed,
    idPrefix: "case",
    usesSubset,
    emitsScores,
    observer,
    onError: (cause) => log.error({ err: cause }, "a decision failed"),
  });
  return { scheduler, ring, start: (timeoutMs) => plugins.start(timeoutMs), stop: () => plugins.stop() };
}

/** What is in force with further screeners; the same object as long as what is in force is. */
function withScreeners(inForce: SchedulerParts["inForce"], screeners: readonly Screener[]): SchedulerParts["inForce"] {
  if (screeners.length === 0) return inForce;
  let last: ReturnType<SchedulerParts["inForce"]> | undefined;
  let extended = last;
  return () => {
    const current = inForce();
    if (extended === undefined || current !== last) {
      const { rules } = current;
      extended = { ...current, rules: { ...rules, screeners: [...rules.screeners, ...screeners] } };
    }
    last = current;
    return extended;
  };
}
