import { describeModule, type ModuleType } from "./describe-module.ts";
import { type FaultPath, quote } from "./faults.ts";
import { findFile } from "./files.ts";
import { didYouMean } from "./nearest.ts";
import { reportIssues } from "./parameters.ts";
import type { Reporter } from "./reporter.ts";
import type { PluginEntry } from "./schema.ts";

/** A module that declares the type of an entry, its parameters checked. */
export interface CheckedModule {
  /** Absolute path. */
  readonly path: string;
  readonly type: ModuleType;
}

/** Checks `module:` of an entry, and its `parameters:` by what the module says; `undefined` where a fault is reported. */
export async function checkModule(
  { type, parameters = {} }: PluginEntry,
  written: string,
  path: FaultPath,
  folder: string,
  report: Reporter,
): Promise<CheckedModule | undefined> {
  const at = [...path, "module"];
  const file = findFile(written, folder, at, report);
  if (file === undefined) return undefined;
  const found = await describeModule({ path: file, type, parameters });
  switch (found.kind) {
    case "broken":
      report.fault(at, `${quote(written)} cannot be loaded: ${found.message.replaceAll(`${folder}/`, "")}`);
      return undefined;
    case "absent":
      report.fault(at, `${quote(written)} declares no plugin type ${quote(type)}`, toHint(type, found));
      return undefined;
    case "found":
      reportIssues(found.issues, parameters, () => [], path, report);
      return found.issues.length > 0 ? undefined : { path: file, type: found.type };
  }
}

function toHint(type: string, { types, names }: { types: readonly string[]; names: readonly string[] }): string {
  if (types.length > 0) return didYouMean(type, types) || `it declares ${types.join(", ")}`;
  const exported = names.length === 0 ? "it exports nothing" : `it exports ${names.slice(0, 10).join(", ")}`;
  return `${exported}; export what defineScorer returns`;
}
