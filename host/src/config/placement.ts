import type { BuiltinType, Placement, ProcessSpec } from "../plugins/types.ts";
import { type FaultPath, quote } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import type { Reporter } from "./reporter.ts";
import type { PluginEntry } from "./schema.ts";
import type { PluginScope } from "./scope.ts";

/** Placements of code that the host loads. */
type LoadedPlacement = "inline" | "worker";

/** Where a plugin runs and what its type is. */
export type Place =
  | {
      readonly kind: "builtin";
      readonly builtin: BuiltinType;
      readonly placement: LoadedPlacement | "process";
      readonly process: string | undefined;
      readonly ownProcess: ProcessSpec | undefined;
    }
  /** `file`: as it is written. */
  | { readonly kind: "module"; readonly file: string; readonly placement: LoadedPlacement }
  | { readonly kind: "served"; readonly placement: "process" | "remote"; readonly process: string }
  | { readonly kind: "unknown type" };

/**
 * What keeps a plugin's collections small and its pauses short: V8's initial old space is tiny, which makes it collect
 * every second or so.
 */
const nodeFlags = ["--initial-old-space-size=512", "--min-semi-space-size=4", "--max-semi-space-size=4"];

/** Place of one entry; `undefined` where its fault is reported. */
export function findPlace(
  entry: PluginEntry,
  builtin: BuiltinType | undefined,
  path: FaultPath,
  scope: PluginScope,
  report: Reporter,
): Place | undefined {
  if (entry.module !== undefined) return findModule(entry, entry.module, path, report);
  if (entry.process !== undefined) return findServed(entry, entry.process, path, scope, report);
  if (builtin === undefined) return { kind: "unknown type" };
  if (entry.placement === "remote") {
    report.fault(
      [...path, "placement"],
      "remote needs the name of a process",
      "write process: and declare it with url:",
    );
    return undefined;
  }
  if (entry.placement !== "process") {
    return {
      kind: "builtin",
      builtin,
      placement: entry.placement ?? "inline",
      process: undefined,
      ownProcess: undefined,
    };
  }
  const name = entry.name ?? entry.type;
  if (scope.processes.has(name)) {
    report.fault(path, `would run in a process named ${quote(name)}, which is declared`, "give it another name");
    return undefined;
  }
  const command = [process.execPath, ...nodeFlags, builtin.main];
  const ownProcess: ProcessSpec = { name, kind: "command", command, cwd: scope.folder, env: {} };
  return { kind: "builtin", builtin, placement: "process", process: name, ownProcess };
}

/** A third party's code runs in a worker unless it is explicitly let into the host's own thread. */
function findModule(
  { placement = "worker", process }: PluginEntry,
  file: string,
  path: FaultPath,
  report: Reporter,
): Place | undefined {
  if (process !== undefined) {
    report.fault([...path, "module"], "stands beside process", "keep one: code that is loaded, or a process", "key");
    return undefined;
  }
  if (placement === "inline" || placement === "worker") return { kind: "module", file, placement };
  const hint = "write worker or inline; for a process of its own, serve it and declare it under processes:";
  report.fault([...path, "placement"], `is ${placement}, but a module is loaded by the host`, hint);
  return undefined;
}

function findServed(
  { placement }: PluginEntry,
  name: string,
  path: FaultPath,
  { processes }: PluginScope,
  report: Reporter,
): Place | undefined {
  const declared = processes.get(name);
  if (declared === undefined) {
    const hint = didYouMean(name, processes.keys()) || "declare it under processes:";
    report.fault([...path, "process"], `there is no process ${quote(name)}`, hint);
    return undefined;
  }
  if (declared.spec === undefined) return undefined;
  const where: Placement = declared.spec.kind === "command" ? "process" : "remote";
  if (placement !== undefined && placement !== where) {
    const kind = where === "process" ? "a command" : "a url";
    report.fault([...path, "placement"], `is ${placement}, but process ${name} is ${kind}`, `write ${where}`);
    return undefined;
  }
  return { kind: "served", placement: where, process: name };
}
