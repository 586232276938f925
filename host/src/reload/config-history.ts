import { isSameText, type PastConfig } from "./types.ts";

/** The latest configurations that were in force, that in force now among them. */
export interface ConfigHistory {
  add(entry: PastConfig): void;
  /** Newest first; the first one is in force. */
  list(): readonly PastConfig[];
  /**
   * What a rollback goes to.
   * @param generation 0 = the newest that has another text than the one in force.
   */
  find(generation: number): PastConfig | undefined;
}

/** Configurations kept. */
const keptConfigs = 8;

/** @param first what the host has started with. */
export function createConfigHistory(first: PastConfig): ConfigHistory {
  let entries: readonly PastConfig[] = [first];
  return {
    add(entry) {
      entries = [entry, ...entries].slice(0, keptConfigs);
    },
    list: () => entries,
    find(generation) {
      const current = entries[0]!.config.source;
      if (generation === 0) return entries.find(({ config }) => !isSameText(config.source, current));
      return entries.find((entry) => entry.generation === generation);
    },
  };
}
