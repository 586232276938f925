import {
  createEndpointTable,
  type DecisionRecord,
  type DoneCause,
  type EndpointTable,
  type Screener,
} from "@outrider/core";
import { createExtProcMetrics, type Refusal, Registry, type Routed, systemClock } from "@outrider/host";
import type { ExtProcClient } from "../../clients/ext-proc.ts";
import { openTableHost } from "../../clients/table-host.ts";
import type { PoolEndpoint } from "../stream/pool.ts";
import { toConfigText } from "./config-text.ts";
import { openDoor } from "./door.ts";
import { loadText } from "./load.ts";
import { type ObservedAnswer, observeScheduler } from "./observe-scheduler.ts";

/** What a host is opened with. */
export interface HostSetup {
  readonly pool: readonly PoolEndpoint[];
  /** Its name in metrics; default none. */
  readonly poolName?: string;
  /** Default: a configuration without scorers, whose picker chooses at random. */
  readonly configText?: string;
  /** Whether the gateway's subset counts; default true. */
  readonly usesSubset?: boolean;
  /** Whether gateways are told the scores of endpoints; default not. */
  readonly emitsScores?: boolean;
  /** Whether the headers of conformance suites are obeyed; default not. */
  readonly conformance?: boolean;
  /** Asked behind those of the configuration; default none. */
  readonly screeners?: readonly Screener[];
}

/** A metric's sample, as it is scraped. */
export interface MetricSample {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The whole host but its data layer: the real door, scheduler, cycle and plugins over a table that a case filled. */
export interface HostUnderTest {
  readonly client: ExtProcClient;
  /** What became of each request, in order. */
  readonly decisions: readonly (Routed | Refusal)[];
  /** What a decision of the last ones was made from. */
  record(decisionId: string): DecisionRecord | undefined;
  /** Causes each request was ended with, by its place in {@link decisions}. */
  readonly ends: readonly (readonly DoneCause[])[];
  /** What the scheduler was shown of responses, in order. */
  readonly answers: readonly ObservedAnswer[];
  /** Samples of a metric; `undefined` where the host has none of that name. */
  metric(name: string): Promise<readonly MetricSample[] | undefined>;
  /** Resolves when every exchange has ended, at most after a second. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const noScorers = toConfigText({ plugins: [{ type: "random-picker" }] });
const epoch = 1;

/** Opens a host on free ports of loopback. */
export async function openHost(setup: HostSetup): Promise<HostUnderTest> {
  const { pool, configText = noScorers, conformance = false } = setup;
  const config = await loadText(configText);
  const registry = new Registry();
  const table = createEndpointTable({ epoch });
  const { poolName = "", usesSubset = true, emitsScores = false, screeners = [] } = setup;
  const host = await openTableHost({ config, table, registry, usesSubset, emitsScores, poolName, screeners });
  fillTable(table, pool);
  await host.start(5_000);
  const observed = observeScheduler(host.scheduler);
  const metrics = createExtProcMetrics(registry);
  const door = await openDoor(observed.scheduler, { metrics, conformance });
  return {
    client: door.client,
    decisions: observed.decisions,
    record: (decisionId) => host.ring.find(decisionId),
    ends: observed.ends,
    answers: observed.answers,
    metric: (name) => readMetric(registry, name),
    settled: () => observed.settled(),
    async close() {
      await door.close();
      await host.stop();
    },
  };
}

/** What a scrape would have told, measured now. */
function fillTable(table: EndpointTable, pool: readonly PoolEndpoint[]): void {
  const nowMs = systemClock.nowMs();
  for (const { id, address, labels, waitingRequests, kvCacheUsage, activeModels } of pool) {
    const sets = { adapters_running: activeModels, adapters_waiting: [] };
    const slot = table.upsert({ id, address, labels, sets });
    table.setValue(slot, "max_adapters", activeModels.length, nowMs);
    table.setValue(slot, "waiting_requests", waitingRequests, nowMs);
    table.setValue(slot, "running_requests", 0, nowMs);
    table.setValue(slot, "kv_cache_usage", kvCacheUsage, nowMs);
    table.setReady(slot, true);
  }
  table.publish(nowMs);
}

async function readMetric(registry: Registry, name: string): Promise<readonly MetricSample[] | undefined> {
  const metric = await registry.getSingleMetric(name)?.get();
  return metric?.values.map((sample) => ({
    metric: "metricName" in sample ? String(sample.metricName) : name,
    labels: Object.fromEntries(Object.entries(sample.labels).map(([key, text]) => [key, String(text)])),
    value: sample.value,
  }));
}
