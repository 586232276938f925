import { entryOf, type RunningPlugin } from "./running-setup.ts";
import type { PluginHistory, PluginReport } from "./types.ts";

/** What the runtime knows of a plugin: of its generation in force, and what is kept across generations. */
export function toReport(plugin: RunningPlugin): PluginReport & PluginHistory {
  const { name, type, placement, process } = plugin.spec;
  const { state, message, inFlight, granted, generation, pluginVersion, journal } = entryOf(plugin);
  const { lateAnswers, lastError, events, times } = journal;
  return {
    ...toProcessReport(plugin),
    name,
    type,
    placement,
    process,
    state,
    message,
    inFlight,
    lateAnswers,
    lastError,
    granted: granted.map(({ key }) => key),
    generation,
    pluginVersion,
    events,
    times,
  };
}

function toProcessReport(plugin: RunningPlugin) {
  const { current, tally } = plugin.kind === "ported" ? plugin.process : { current: undefined, tally: undefined };
  const local = plugin.kind === "local" ? plugin.plugin : undefined;
  return {
    profile: current?.profile,
    pid: current?.pid,
    restarts: tally?.restarts ?? local?.restarts ?? 0,
    violations: tally?.violations ?? 0,
    revLag: current?.revLag ?? 0,
    droppedFeedback: tally?.droppedFeedback ?? local?.droppedFeedback ?? 0,
    offendingFrame: tally?.offendingFrame,
    resyncs: tally?.resyncs ?? 0,
  };
}
