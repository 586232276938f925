import type { PluginCatalogue } from "../plugins/types.ts";
import type { Budgets } from "./budgets.ts";
import type { DeclaredProcess } from "./check-processes.ts";

/** What entries are checked against. */
export interface PluginScope {
  readonly catalogue: PluginCatalogue;
  readonly processes: ReadonlyMap<string, DeclaredProcess>;
  readonly budgets: Budgets;
  /** Where processes of built-in types run. */
  readonly folder: string;
}
