import type { PluginCatalogue } from "../plugins/types.ts";
import type { DeclaredProcess } from "./check-processes.ts";

/** What entries are checked against. */
export interface PluginScope {
  readonly catalogue: PluginCatalogue;
  readonly processes: ReadonlyMap<string, DeclaredProcess>;
  /** Budget of a decision, in ms. */
  readonly budgetMs: number;
  /** Where processes of built-in types run. */
  readonly folder: string;
}
