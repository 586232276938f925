import type { Need } from "@outrider/core/contract";
import { mergeNeeds } from "./grants.ts";
import type { HostPlugin } from "./host-plugin.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { PluginProcess } from "./plugin-process.ts";
import type { RunningSetup } from "./running-setup.ts";

const nothing: RunningSetup = {
  setup: { specs: [], processes: [], workers: { threads: 1, memoryMb: 0 }, decisionBudgetMs: 0 },
  plugins: new Map(),
  processes: new Map(),
  cohort: new Set(),
};

/** The setup in force, and what is made to come after it. */
export class RuntimeState {
  running: RunningSetup = nothing;
  /** A setup that is being prepared, or waits to be put in force. */
  draft: RunningSetup | undefined;
  /** Plugins of a generation that is not in force yet. */
  beside: readonly PluginEntry[] = [];
  #granted: readonly Need[] | undefined;

  /** Union of what was granted, to generations in shadow too. Another array when that changes. */
  get granted(): readonly Need[] {
    this.#granted ??= this.#mergeGranted();
    return this.#granted;
  }

  #mergeGranted(): readonly Need[] {
    const entries = new Set([...this.running.cohort, ...(this.draft?.cohort ?? []), ...this.beside]);
    return mergeNeeds([...entries].flatMap(({ granted }) => granted));
  }

  /** What was granted may have changed. */
  changed(): void {
    this.#granted = undefined;
  }

  /** Plugins in the host's own process that are to know the endpoints. */
  locals(): ReadonlySet<HostPlugin> {
    const plugins = [...this.running.plugins.values(), ...(this.draft?.plugins.values() ?? [])];
    return new Set(plugins.flatMap((plugin) => (plugin.kind === "local" ? [plugin.plugin] : [])));
  }

  /** Processes that are to know the endpoints. */
  processes(): ReadonlySet<PluginProcess> {
    return new Set([...this.running.processes.values(), ...(this.draft?.processes.values() ?? [])]);
  }
}
