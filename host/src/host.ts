import { randomBytes, randomInt } from "node:crypto";
import { tmpdir } from "node:os";
import { createEndpointTable, createLeases, type EndpointTable, type Leases } from "@outrider/core";
import { Registry } from "prom-client";
import { createAdminServer } from "./admin/server.ts";
import type { PluginView } from "./admin/service.ts";
import { type Closers, createClosers } from "./closers.ts";
import type { ServeOptions } from "./commands/serve-options.ts";
import { openConfig } from "./config/load.ts";
import type { HostConfig } from "./config/types.ts";
import { createDataLayer, type DataLayer } from "./datalayer/data-layer.ts";
import type { EndpointSource } from "./datalayer/endpoint-source.ts";
import { createFileSource } from "./datalayer/file-source.ts";
import { createStaticSource } from "./datalayer/static-source.ts";
import { warmUpExtProc } from "./ext-proc/warm-up.ts";
import type { Log } from "./log.ts";
import { createHostMetrics, type HostMetrics } from "./metrics/host-metrics.ts";
import { createReferenceMetrics } from "./metrics/reference/reference-metrics.ts";
import { createMetricsServer } from "./metrics/server.ts";
import { createPluginRuntime } from "./plugins/create-plugin-runtime.ts";
import { createQuietLog } from "./plugins/quiet-log.ts";
import type { PluginCatalogue, PluginRuntime } from "./plugins/types.ts";
import { createReadiness, type Readiness } from "./readiness.ts";
import { createDecisionFeeds, type DecisionFeeds } from "./record/decision-feeds.ts";
import { toHeader } from "./record/recording-header.ts";
import { type ChangeParts, type ConfigChanges, createConfigChanges } from "./reload/config-changes.ts";
import { type ConfigInForce, createConfigInForce, toPluginSetup } from "./reload/config-in-force.ts";
import { createWeights, type Weights } from "./reload/weights.ts";
import { selectCandidates } from "./scheduling/candidates.ts";
import { createDecisionRing, type DecisionRing } from "./scheduling/decision-ring.ts";
import { createSchedulingMetrics, type SchedulingMetrics } from "./scheduling/metrics.ts";
import { createScheduler } from "./scheduling/scheduler.ts";
import type { SchedulerParts } from "./scheduling/scheduler-parts.ts";
import { toTraceless } from "./scheduling/traceless.ts";
import type { Scheduler } from "./scheduling/types.ts";
import { startDoors } from "./start-doors.ts";
import { systemClock } from "./system-clock.ts";
import { hostVersion } from "./version.ts";

/** What a host is built from. */
export interface HostParts {
  readonly options: ServeOptions;
  readonly config: HostConfig;
  readonly catalogue: PluginCatalogue;
  /** Checks what the configuration is changed to. */
  readonly load: ChangeParts["load"];
  readonly log: Log;
}

/** A running host. */
export interface Host {
  /** Where this machine reaches each of its servers, `ip:port`. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly changes: ConfigChanges;
  /** Reports not ready, lets what is open end, at most for `timeoutMs`, and ends everything. */
  drain(timeoutMs: number): Promise<void>;
}

/** Decisions kept for explain. */
const ringSize = 1024;
/** How long the start waits for plugins; the required ones get longer. A late plugin joins when it is there. */
const pluginStartMs = 3_000;
const requiredPluginStartMs = 10_000;
/** About as many requests as the compiler needs to see; more shows no effect. */
const warmUp = { requests: 10_000, maxMs: 4_000 };
/** A lease that nobody ended: the doors' own deadlines end streams long before. */
const leaseMaxMs = 3_600_000;
const leaseSweepMs = 10_000;

/**
 * Builds every part of the host, connects them, and starts them; resolves when it is ready. What has been started is
 * ended again when a later part fails.
 * @throws what a part throws that cannot start: a port that is taken, `ENDPOINTS_INVALID`, `CONFIG_INVALID`.
 */
export async function createHost(parts: HostParts): Promise<Host> {
  const closers = createClosers();
  try {
    const base = await startBase(parts, closers);
    const scheduling = createScheduling(parts, base, closers);
    const readiness = createReadiness(() => base.plugins.missingRequired());
    const operations = await startOperations(parts, base, scheduling, readiness, closers);
    const { scheduler, inForce } = scheduling;
    const { registry, table } = base;
    const endpoints = () => addressesOf(table.current);
    const granted = () => inForce.granted;
    const rules = () => inForce.current.rules;
    const { options, log } = parts;
    const doorParts = { options, log, registry, scheduler, readiness, granted, rules, endpoints };
    const doors = await startDoors(doorParts, closers);
    await base.plugins.start(pluginStartMs);
    if (base.plugins.missingRequired().length > 0) await base.plugins.start(requiredPluginStartMs - pluginStartMs);
    if (parts.options.warmup) await warmUpExtProc({ scheduler: scheduling.traceless, ...warmUp });
    readiness.warmedUp();
    const addresses = { ...doors.addresses, ...operations };
    parts.log.info({ addresses, endpoints: base.table.current.live.length }, "outrider is ready");
    for (const reason of readiness.reasons()) parts.log.warn(`serving nevertheless: ${reason}`);
    return {
      addresses,
      changes: scheduling.changes,
      async drain(timeoutMs) {
        readiness.startDraining();
        await doors.drain(timeoutMs);
        await closers.closeAll();
      },
    };
  } catch (cause) {
    await closers.closeAll();
    throw cause;
  }
}

/** What decisions are made from: endpoints, what is known of them, and plugins. */
interface Base {
  readonly registry: Registry;
  readonly hostMetrics: HostMetrics;
  readonly epoch: number;
  readonly table: EndpointTable;
  readonly leases: Leases;
  readonly plugins: PluginRuntime;
  readonly dataLayer: DataLayer;
}

async function startBase({ options, config, catalogue, log }: HostParts, closers: Closers): Promise<Base> {
  const registry = new Registry();
  const hostMetrics = createHostMetrics(registry, hostVersion);
  closers.add(hostMetrics.stop);
  const epoch = randomBytes(4).readUInt32BE();
  const table = createEndpointTable({ epoch });
  const leases = createLeases(table);
  const sweeper = setInterval(() => leases.sweep(Date.now(), leaseMaxMs), leaseSweepMs);
  closers.add(() => clearInterval(sweeper));
  const plugins = await createPluginRuntime({
    ...toPluginSetup(config),
    catalogue,
    attach: options.attach,
    host: { instance: epoch.toString(36), version: hostVersion },
    socketDir: tmpdir(),
    table,
    clock: systemClock,
    log,
    registry,
  });
  closers.add(() => plugins.stop());
  table.onPublish((snapshot, change) => plugins.publish(snapshot, change));
  const intervalMs = options.refreshMetricsIntervalMs;
  const sources = endpointSources(options);
  const clock = systemClock;
  const settings = config.dataLayer;
  const common = { table, clock, random: Math.random, logger: log, registry };
  const dataLayer = createDataLayer({ ...common, settings, sources, intervalMs });
  closers.add(() => dataLayer.stop());
  await dataLayer.start();
  return { registry, hostMetrics, epoch, table, leases, plugins, dataLayer };
}

function endpointSources({ endpoints, endpointsFile }: ServeOptions): EndpointSource[] {
  return [
    ...(endpoints.length > 0 ? [createStaticSource(endpoints)] : []),
    ...(endpointsFile === undefined ? [] : [createFileSource(endpointsFile, systemClock)]),
  ];
}

/** What decides. */
interface Scheduling {
  readonly inForce: ConfigInForce;
  readonly changes: ConfigChanges;
  readonly weights: Weights;
  readonly ring: DecisionRing;
  readonly feeds: DecisionFeeds;
  readonly metrics: SchedulingMetrics;
  readonly scheduler: Scheduler;
  /** Decides the same way and leaves no trace: no lease, feedback, record or metric. */
  readonly traceless: Scheduler;
}

function createScheduling({ options, config, load, log }: HostParts, base: Base, closers: Closers): Scheduling {
  const { table, leases, plugins, dataLayer, registry, epoch, hostMetrics } = base;
  const inForce = createConfigInForce(config, {
    plugins,
    dataLayer,
    clock: systemClock,
    log,
    loaded: hostMetrics.configLoaded,
  });
  const open = () => openConfig(options.config);
  const ended = hostMetrics.configChanged;
  const changes = createConfigChanges({ inForce, open, load, clock: systemClock, log, ended });
  const weights = createWeights(inForce, systemClock, log);
  closers.add(() => weights.stop());
  const required = createQuietLog(log, systemClock);
  const ring = createDecisionRing(ringSize);
  const feeds = createDecisionFeeds({
    table,
    plan: () => inForce.plan,
    header: () => toHeader(inForce.config.source, inForce.generation, table.current),
    decided: () => ring.count,
    overhear: (listener) => plugins.overhear(listener),
  });
  const metrics = createSchedulingMetrics(registry, () => leases.count());
  const observer = createReferenceMetrics({
    registry,
    inForce: () => inForce.current,
    requests: () => inForce.config.requests,
    table,
    nowMs: systemClock.nowMs,
    poolName: options.poolName ?? "",
    faults: dataLayer.faults,
    version: hostVersion,
  });
  const parts: SchedulerParts = {
    inForce: () => inForce.current,
    table,
    leases,
    ring,
    metrics,
    clock: systemClock,
    granted: () => inForce.granted,
    isRehearsal: false,
    seed: () => randomInt(2 ** 32),
    idPrefix: epoch.toString(36),
    usesSubset: options.usesSubset,
    emitsScores: options.emitsScores,
    observer,
    recorder: () => feeds.recorder,
    onError: (cause) => log.error({ err: cause }, "a decision failed"),
    onRequired: ({ code, message }) => required({ code }, message),
  };
  const schedulers = { scheduler: createScheduler(parts), traceless: createScheduler(toTraceless(parts)) };
  return { inForce, changes, weights, ring, feeds, metrics, ...schedulers };
}

/** What operators look at. @returns the addresses. */
async function startOperations(
  { options }: HostParts,
  { registry, plugins, table }: Base,
  { inForce, changes, weights, ring, feeds, metrics }: Scheduling,
  readiness: Readiness,
  closers: Closers,
): Promise<Readonly<Record<string, string>>> {
  const metricsServer = await createMetricsServer(registry, options.metricsPort);
  closers.add(metricsServer.close);
  const admin = await createAdminServer({
    address: options.adminAddress,
    token: options.adminToken,
    readiness: readiness.reasons,
    plugins: () => plugins.status().map((status) => toView(status, metrics)),
    control: {
      upgrade: (name) => plugins.upgrade(name),
      release: (name) => plugins.release(name),
      tap: (listener) => plugins.tap(listener),
      header: () => toHeader(inForce.config.source, inForce.generation, table.current),
    },
    configs: {
      reload: (cause) => changes.reload(cause),
      rollback: (generation) => changes.rollback(generation),
      get refused() {
        return changes.refused;
      },
      get history() {
        return changes.history;
      },
      weights,
    },
    decisions: {
      ...ring,
      contextOf: (record) => ring.circumstancesOf(record),
    },
    recordings: { feeds, keepsPrompts: options.recordsPrompts },
  });
  closers.add(() => admin.close());
  return { metrics: reachable(metricsServer.port), admin: admin.address };
}

/** A plugin as operators see it: what the runtime knows of it, and how its calls counted. */
function toView(status: ReturnType<PluginRuntime["status"]>[number], metrics: SchedulingMetrics): PluginView {
  return { ...status, calls: metrics.calls(status.name), fallbacks: metrics.fallbacks(status.name) };
}

/** Addresses of the endpoints that requests may go to. */
function addressesOf(snapshot: EndpointTable["current"]): readonly string[] {
  return Array.from(selectCandidates(snapshot, undefined), (slot) => snapshot.at(slot)?.address ?? "");
}

function reachable(port: number): string {
  return `127.0.0.1:${port}`;
}
