import { Counter, Gauge, type Registry } from "prom-client";
import type { PluginState } from "./types.ts";

/** What the plugin runtime counts; `plugin` is the name in the configuration, `process` what serves several of them. */
export interface PluginMetrics {
  /** The plugin's life took an edge. */
  moved(plugin: string, from: PluginState, to: PluginState): void;
  /** A configured plugin exists no more. */
  forget(plugin: string): void;
  readonly restarts: (plugin: string) => void;
  readonly lateAnswers: (plugin: string) => void;
  readonly violations: (plugin: string) => void;
  /** An inline plugin's hook threw. */
  readonly hookErrors: (plugin: string) => void;
  readonly droppedFeedback: (process: string, count: number) => void;
  readonly droppedLogBytes: (process: string, bytes: number) => void;
  readonly resyncs: (process: string) => void;
}

/** Values that are read when the metrics are scraped. */
export interface PluginGauges {
  /** Calls put and not answered, by plugin. */
  callsInFlight(): Iterable<readonly [plugin: string, count: number]>;
  /** Snapshots published and not acknowledged, by process. */
  revLag(): Iterable<readonly [process: string, revs: number]>;
}

/** Registers the runtime's metrics, once a registry: a later generation of plugins goes on counting in the same ones. */
export function createPluginMetrics(registry: Registry, gauges: PluginGauges): PluginMetrics {
  const counter = counters(registry);
  const state = gauge(registry, "outrider_plugin_state", "1 for the state that a plugin is in.", ["plugin", "state"]);
  const edges = counter("outrider_plugin_transitions_total", "Edges of a plugin's life.", ["plugin", "from", "to"]);
  const restarts = counter("outrider_plugin_restarts_total", "Starts and connections after the first.", ["plugin"]);
  const late = counter("outrider_plugin_late_answers_total", "Answers behind their deadline, dropped.", ["plugin"]);
  const bugs = counter("outrider_plugin_protocol_violations_total", "Answers against the contract.", ["plugin"]);
  const hooks = counter("outrider_plugin_hook_errors_total", "Hooks of inline plugins that threw.", ["plugin"]);
  const feedback = counter("outrider_plugin_feedback_dropped_total", "Events a plugin was too slow for.", ["process"]);
  const log = counter("outrider_plugin_log_dropped_bytes_total", "Output that was not logged.", ["process"]);
  const resyncs = counter("outrider_plugin_resyncs_total", "States sent whole after the first.", ["process"]);
  observe(registry, "outrider_plugin_calls_in_flight", "Calls put and not answered.", "plugin", gauges.callsInFlight);
  observe(registry, "outrider_plugin_revs_behind", "Snapshots published, not acknowledged.", "process", gauges.revLag);
  return {
    moved(plugin, from, to) {
      state.remove({ plugin, state: from });
      state.set({ plugin, state: to }, 1);
      edges.inc({ plugin, from, to });
    },
    forget: (plugin) => state.remove({ plugin, state: "stopped" }),
    restarts: (plugin) => restarts.inc({ plugin }),
    lateAnswers: (plugin) => late.inc({ plugin }),
    violations: (plugin) => bugs.inc({ plugin }),
    hookErrors: (plugin) => hooks.inc({ plugin }),
    droppedFeedback: (process, count) => feedback.inc({ process }, count),
    droppedLogBytes: (process, bytes) => log.inc({ process }, bytes),
    resyncs: (process) => resyncs.inc({ process }),
  };
}

function counters(registry: Registry) {
  return <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    (registry.getSingleMetric(name) as Counter<L> | undefined) ??
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
}

function gauge<L extends string>(registry: Registry, name: string, help: string, labelNames: readonly L[]): Gauge<L> {
  return (
    (registry.getSingleMetric(name) as Gauge<L> | undefined) ??
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] })
  );
}

/** The newest runtime's values stand: the metric of an earlier one is replaced. */
function observe<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: L,
  read: () => Iterable<readonly [string, number]>,
): void {
  registry.removeSingleMetric(name);
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
