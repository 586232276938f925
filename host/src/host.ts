import { randomBytes, randomInt } from "node:crypto";
import { tmpdir } from "node:os";
import { createEndpointTable, createLeases, type EndpointTable, type Leases, type Plan } from "@outrider/core";
import { Registry } from "prom-client";
import { createAdminServer } from "./admin/server.ts";
import { type Closers, createClosers } from "./closers.ts";
import type { ServeOptions } from "./commands/serve-options.ts";
import { createPlan } from "./config/plan.ts";
import type { HostConfig } from "./config/types.ts";
import { createDataLayer } from "./datalayer/data-layer.ts";
import type { EndpointSource } from "./datalayer/endpoint-source.ts";
import { createFileSource } from "./datalayer/file-source.ts";
import { createStaticSource } from "./datalayer/static-source.ts";
import { warmUpExtProc } from "./ext-proc/warm-up.ts";
import type { Log } from "./log.ts";
import { createHostMetrics, type HostMetrics } from "./metrics/host-metrics.ts";
import { createMetricsServer } from "./metrics/server.ts";
import { createPluginRuntime } from "./plugins/create-plugin-runtime.ts";
import type { PluginCatalogue, PluginRuntime } from "./plugins/types.ts";
import { createReadiness, type Readiness } from "./readiness.ts";
import { selectCandidates } from "./scheduling/candidates.ts";
import { createDecisionRing, type DecisionRing } from "./scheduling/decision-ring.ts";
import { createSchedulingMetrics, type SchedulingMetrics } from "./scheduling/metrics.ts";
import { createScheduler, type SchedulerParts } from "./scheduling/scheduler.ts";
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
  readonly log: Log;
}

/** A running host. */
export interface Host {
  /** Where this machine reaches each of its servers, `ip:port`. */
  readonly addresses: Readonly<Record<string, string>>;
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
    const scheduling = createScheduling(parts, base);
    const readiness = createReadiness(() => base.plugins.missingRequired());
    const operations = await startOperations(parts, base, scheduling, readiness, closers);
    const { scheduler } = scheduling;
    const { registry, plugins, table } = base;
    const endpoints = () => addressesOf(table.current);
    const { options, log } = parts;
    const doors = await startDoors({ options, log, registry, scheduler, readiness, plugins, endpoints }, closers);
    await base.plugins.start(pluginStartMs);
    if (base.plugins.missingRequired().length > 0) await base.plugins.start(requiredPluginStartMs - pluginStartMs);
    if (parts.options.warmup) await warmUpExtProc({ scheduler: scheduling.traceless, ...warmUp });
    readiness.warmedUp();
    const addresses = { ...doors.addresses, ...operations };
    parts.log.info({ addresses, endpoints: base.table.current.live.length }, "outrider is ready");
    for (const reason of readiness.reasons()) parts.log.warn(`serving nevertheless: ${reason}`);
    return {
      addresses,
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
    specs: config.plugins,
    processes: config.processes,
    catalogue,
    host: { instance: epoch.toString(36), version: hostVersion },
    socketDir: tmpdir(),
    table,
    clock: systemClock,
    log,
    registry,
    decisionBudgetMs: config.budgetMs,
  });
  closers.add(() => plugins.stop());
  table.onPublish((snapshot, change) => plugins.publish(snapshot, change));
  const intervalMs = options.refreshMetricsIntervalMs;
  const sources = endpointSources(options);
  const clock = systemClock;
  const dataLayer = createDataLayer({ table, sources, intervalMs, clock, random: Math.random, logger: log, registry });
  closers.add(() => dataLayer.stop());
  await dataLayer.start();
  return { registry, hostMetrics, epoch, table, leases, plugins };
}

function endpointSources({ endpoints, endpointsFile }: ServeOptions): EndpointSource[] {
  return [
    ...(endpoints.length > 0 ? [createStaticSource(endpoints)] : []),
    ...(endpointsFile === undefined ? [] : [createFileSource(endpointsFile, systemClock)]),
  ];
}

/** What decides. */
interface Scheduling {
  readonly plan: Plan;
  readonly ring: DecisionRing;
  readonly metrics: SchedulingMetrics;
  readonly scheduler: Scheduler;
  /** Decides the same way and leaves no trace: no lease, feedback, record or metric. */
  readonly traceless: Scheduler;
}

function createScheduling({ options, config, log }: HostParts, base: Base): Scheduling {
  const { table, leases, plugins, registry, epoch } = base;
  const plan = createPlan(config, plugins, 1);
  const ring = createDecisionRing(ringSize);
  const metrics = createSchedulingMetrics(registry, () => leases.count());
  const parts: SchedulerParts = {
    plan: () => plan,
    table,
    leases,
    ring,
    metrics,
    clock: systemClock,
    granted: () => plugins.granted,
    isRehearsal: false,
    seed: () => randomInt(2 ** 32),
    idPrefix: epoch.toString(36),
    usesSubset: options.usesSubset,
    responses: config.responses,
    emitsScores: options.emitsScores,
    onError: (cause) => log.error({ err: cause }, "a decision failed"),
  };
  return { plan, ring, metrics, scheduler: createScheduler(parts), traceless: createScheduler(toTraceless(parts)) };
}

/** What operators look at. @returns the addresses. */
async function startOperations(
  { options, config }: HostParts,
  { registry, hostMetrics, plugins }: Base,
  { plan, ring, metrics }: Scheduling,
  readiness: Readiness,
  closers: Closers,
): Promise<Readonly<Record<string, string>>> {
  const loadedAtMs = Date.now();
  hostMetrics.configLoaded(plan.generation, loadedAtMs);
  const metricsServer = await createMetricsServer(registry, options.metricsPort);
  closers.add(metricsServer.close);
  const admin = await createAdminServer({
    address: options.adminAddress,
    token: options.adminToken,
    readiness: readiness.reasons,
    plugins: () => plugins.status().map((status) => ({ ...status, calls: metrics.calls(status.name) })),
    config: () => ({ config, generation: plan.generation, loadedAtMs }),
    decisions: { ...ring, contextOf: (record) => ({ ...ring.circumstancesOf(record), profiles: config.profiles }) },
  });
  closers.add(() => admin.close());
  return { metrics: reachable(metricsServer.port), admin: admin.address };
}

/** Addresses of the endpoints that requests may go to. */
function addressesOf(snapshot: EndpointTable["current"]): readonly string[] {
  return Array.from(selectCandidates(snapshot, undefined), (slot) => snapshot.at(slot)?.address ?? "");
}

function reachable(port: number): string {
  return `127.0.0.1:${port}`;
}
