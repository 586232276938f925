import type { PluginState } from "./types.ts";

const ended = ["draining", "stopped"] as const;
const lost = ["backoff", "quarantined", "failed", "ejected", ...ended] as const;

/** Every edge of a plugin's life; what is not here is not taken. */
const edges: Readonly<Record<PluginState, readonly PluginState[]>> = {
  discovered: ["starting", "handshaking", "configuring", "failed", ...ended],
  starting: ["handshaking", ...lost],
  handshaking: ["configuring", "active", ...lost],
  configuring: ["syncing", "shadow", "active", ...lost],
  syncing: ["shadow", "active", ...lost],
  shadow: ["active", ...lost],
  active: ["degraded", "shadow", "configuring", ...lost],
  degraded: ["active", "syncing", ...lost],
  ejected: ["shadow", "active", "handshaking", ...lost],
  backoff: ["starting", "handshaking", "quarantined", "failed", ...ended],
  quarantined: ["starting", "handshaking", ...ended],
  failed: ["starting", "handshaking", ...ended],
  draining: ["stopped"],
  stopped: [],
};

/** States in which calls are put to a plugin. */
const serving: ReadonlySet<PluginState> = new Set(["active", "degraded"]);

/** Whether a plugin's life may go from one state to the other. */
export function isEdge(from: PluginState, to: PluginState): boolean {
  return edges[from].includes(to);
}

/** Whether calls are put to a plugin in this state; only a plugin that is itself unready refuses some of them. */
export function isServing(state: PluginState): boolean {
  return serving.has(state);
}
