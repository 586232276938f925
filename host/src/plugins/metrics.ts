import { Counter, Gauge, type Registry } from "prom-client";
import { createDurationHistogram, type DurationHistogram, type DurationSeries } from "../metrics/duration-histogram.ts";
import { type CallPart, callParts } from "./call-times.ts";
import type { PluginState } from "./types.ts";

/** What the plugin runtime counts; `plugin` is the name in the configuration, `process` what serves several of them. */
export interface PluginMetrics {
  /** The plugin's life took an edge. */
  moved(plugin: string, from: PluginState, to: PluginState): void;
  /** Durations of a plugin's calls, a part each; to be kept by who observes. */
  callDurations(plugin: string): Readonly<Record<CallPart, DurationSeries>>;
  readonly restarts: (plugin: string) => void;
  readonly lateAnswers: (plugin: string) => void;
  readonly violations: (process: string) => void;
  /** An inline plugin held the event loop for longer than its budget. */
  readonly overruns: (plugin: string) => void;
  /** A hook of a plugin in the host's own process threw. */
  readonly hookErrors: (plugin: string) => void;
  readonly droppedFeedback: (process: string, count: number) => void;
  readonly droppedLogBytes: (process: string, bytes: number) => void;
  readonly resyncs: (process: string) => void;
  /** A score table that cannot be used. */
  readonly ignoredTables: (plugin: string) => void;
}

/** Values that are read when the metrics are scraped. */
export interface PluginGauges {
  /** State of the generation in force, by plugin. */
  states(): Iterable<readonly [plugin: string, state: PluginState]>;
  /** Calls put and not answered, by plugin. */
  callsInFlight(): Iterable<readonly [plugin: string, count: number]>;
  /** Snapshots published and not acknowledged, by process. */
  revLag(): Iterable<readonly [process: string, revs: number]>;
}

/** Registers the runtime's metrics. */
export function createPluginMetrics(registry: Registry, gauges: PluginGauges): PluginMetrics {
  const counter = counters(registry);
  const edges = counter("outrider_plugin_transitions_total", "Edges of a plugin's life.", ["plugin", "from", "to"]);
  const restarts = counter("outrider_plugin_restarts_total", "Starts and connections after the first.", ["plugin"]);
  const late = counter("outrider_plugin_late_answers_total", "Answers behind their deadline, dropped.", ["plugin"]);
  const bugs = counter("outrider_plugin_protocol_violations_total", "Answers against the contract.", ["process"]);
  const hooks = counter("outrider_plugin_hook_errors_total", "Hooks of inline and worker plugins that threw.", [
    "plugin",
  ]);
  const overruns = counter("outrider_plugin_overruns_total", "Calls that held the event loop beyond their budget.", [
    "plugin",
  ]);
  const feedback = counter("outrider_plugin_feedback_dropped_total", "Events a plugin was too slow for.", ["process"]);
  const log = counter("outrider_plugin_log_dropped_bytes_total", "Output that was not logged.", ["process"]);
  const tables = counter("outrider_plugin_tables_ignored_total", "Score tables that could not be used.", ["plugin"]);
  const resyncs = counter("outrider_plugin_resyncs_total", "States sent whole after the first.", ["process"]);
  const durations = createCallDurations(registry);
  observeStates(registry, gauges);
  observe(registry, "outrider_plugin_calls_in_flight", "Calls put and not answered.", "plugin", gauges.callsInFlight);
  observe(registry, "outrider_plugin_revs_behind", "Snapshots published, not acknowledged.", "process", gauges.revLag);
  return {
    moved: (plugin, from, to) => edges.inc({ plugin, from, to }),
    callDurations: (plugin) =>
      Object.fromEntries(callParts.map((part) => [part, durations.series({ plugin, part })])) as Record<
        CallPart,
        DurationSeries
      >,
    restarts: (plugin) => restarts.inc({ plugin }),
    lateAnswers: (plugin) => late.inc({ plugin }),
    violations: (process) => bugs.inc({ process }),
    overruns: (plugin) => overruns.inc({ plugin }),
    hookErrors: (plugin) => hooks.inc({ plugin }),
    droppedFeedback: (process, count) => feedback.inc({ process }, count),
    droppedLogBytes: (process, bytes) => log.inc({ process }, bytes),
    resyncs: (process) => resyncs.inc({ process }),
    ignoredTables: (plugin) => tables.inc({ plugin }),
  };
}

function createCallDurations(registry: Registry): DurationHistogram {
  const name = "outrider_plugin_call_duration_seconds";
  return createDurationHistogram(
    registry,
    name,
    "Calls of decisions that were answered: the whole call, and of that the host's, the wire's and the plugin's part.",
  );
}

function observeStates(registry: Registry, { states }: PluginGauges): void {
  new Gauge({
    name: "outrider_plugin_state",
    help: "1 for the state that a plugin is in.",
    labelNames: ["plugin", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [plugin, state] of states()) this.set({ plugin, state }, 1);
    },
  });
}

function counters(registry: Registry) {
  return <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
}

function observe<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: L,
  read: () => Iterable<readonly [string, number]>,
): void {
  new Gauge<L>({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, value] of read()) this.set({ [label]: key } as Record<L, string>, value);
    },
  });
}
