import type { PluginState } from "./types.ts";

const ended = ["draining", "stopped"] as const;
/** What can become of a plugin that is on its way or serves. */
const lost = ["backoff", "quarantined", "failed", ...ended] as const;

/**
 * Every edge of a plugin's life; what is not here is not taken. A generation goes from `discovered` to `stopped` once,
 * with as many attempts between them as it takes. `shadow` is left at once where nothing is to be compared, and is where
 * an ejected plugin is tried again. Code of the host's goes from `configuring` to `active`: it has no state to be sent.
 */
const edges: Readonly<Record<PluginState, readonly PluginState[]>> = {
  discovered: ["starting", "handshaking", "configuring", ...lost],
  starting: ["handshaking", ...lost],
  handshaking: ["configuring", "shadow", ...lost],
  configuring: ["syncing", "active", ...lost],
  syncing: ["shadow", ...lost],
  shadow: ["active", "ejected", ...lost],
  active: ["degraded", "ejected", ...lost],
  degraded: ["active", "ejected", ...lost],
  ejected: ["shadow", ...lost],
  backoff: ["starting", "handshaking", "configuring", "quarantined", "failed", ...ended],
  quarantined: ["starting", "handshaking", "configuring", ...ended],
  failed: ["starting", "handshaking", "configuring", ...ended],
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
