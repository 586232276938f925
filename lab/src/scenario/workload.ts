import { OutriderError } from "@outrider/core";
import { didYouMean, type FaultPath, quote, type Reporter } from "@outrider/host";
import type { LabServer, Workload } from "../contract/index.ts";
import { isEndless } from "../workload/arrivals.ts";
import { createWorkload, type WorkloadPlace, type WorkloadSpec } from "../workload/mix.ts";
import type { Part } from "../workload/part.ts";

/** What the parts of a scenario are checked against. */
export interface WorkloadScope {
  /** `undefined` where the fleet has faults of its own. */
  readonly servers: readonly LabServer[] | undefined;
  /** Whether arrivals end by the scenario's `duration`. */
  readonly ends: boolean;
  /** Whether the file has `parts:`. */
  readonly mixed: boolean;
}

/** Checks what a workload refers to, and makes it. */
export async function checkWorkload(
  spec: WorkloadSpec,
  place: WorkloadPlace,
  scope: WorkloadScope,
  report: Reporter,
): Promise<Workload> {
  const names = new Map<string, number>();
  for (const [i, part] of spec.parts.entries()) {
    const path: FaultPath = scope.mixed ? ["workload", "parts", i] : ["workload"];
    checkName(part, i, path, names, report);
    checkArrivals(part, spec, path, scope, report);
    checkAdapters(part, path, scope.servers, report);
    await checkFile(part, path, place, report);
  }
  if (spec.arrivals !== undefined) checkShared(spec, scope, report);
  return createWorkload(spec, place);
}

function checkName({ name }: Part, index: number, path: FaultPath, names: Map<string, number>, report: Reporter): void {
  if (name === undefined) return;
  const before = names.get(name);
  if (before !== undefined) report.fault([...path, "name"], `is that of parts[${before}], too`, "names are unique");
  names.set(name, index);
}

function checkArrivals(part: Part, spec: WorkloadSpec, path: FaultPath, scope: WorkloadScope, report: Reporter): void {
  if (part.kind === "recorded") return;
  if (part.share !== undefined && (part.arrivals !== undefined || spec.arrivals === undefined)) {
    report.fault(
      [...path, "share"],
      "is a share of the workload's arrivals, which this part does not have",
      "remove it",
    );
  }
  if (part.arrivals === undefined) {
    const hint = scope.mixed
      ? "write them here, or beside parts: for all"
      : "such as { kind: poisson, rate: 10, for: 5m }";
    if (spec.arrivals === undefined) report.fault(path, "needs arrivals", hint);
  } else if (isEndless(part.arrivals) && !scope.ends) reportEndless([...path, "arrivals"], report);
}

function checkShared({ arrivals, parts }: WorkloadSpec, { ends }: WorkloadScope, report: Reporter): void {
  const path = ["workload", "arrivals"];
  if (arrivals !== undefined && isEndless(arrivals) && !ends) reportEndless(path, report);
  const used = parts.some((part) => part.kind === "made" && part.arrivals === undefined);
  if (!used) report.fault(path, "is not used: every part has its own", "remove it", "key");
}

function reportEndless(path: FaultPath, report: Reporter): void {
  report.fault(path, "never end", "write for: or limit: here, or duration: in the scenario");
}

function checkAdapters({ adapters }: Part, path: FaultPath, servers: WorkloadScope["servers"], report: Reporter): void {
  if (adapters === undefined || servers === undefined) return;
  const served = new Set(servers.flatMap((server) => server.adapters));
  for (const [i, adapter] of adapters.entries()) {
    if (served.has(adapter)) continue;
    const hint = didYouMean(adapter, served) || "list it under adapters: of a group of the fleet";
    report.fault([...path, "adapters", i], `no server serves ${quote(adapter)}`, hint);
  }
}

/** Reads the beginning of a recorded part: most files that are wrong are so from their first row. */
async function checkFile(part: Part, path: FaultPath, place: WorkloadPlace, report: Reporter): Promise<void> {
  if (part.kind !== "recorded") return;
  try {
    const context = { ...place, name: part.type, seed: 0, space: 0 };
    for await (const batch of part.open(context)) if (batch.length > 0) return;
    report.fault([...path, "file"], `names a file without requests, ${quote(part.file)}`);
  } catch (cause) {
    if (!(cause instanceof OutriderError)) throw cause;
    report.fault([...path, "file"], cause.message);
  }
}
