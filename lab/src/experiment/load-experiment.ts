import { isAbsolute, join, parse } from "node:path";
import {
  type CollectingReporter,
  createReporter,
  type Fault,
  type FaultPath,
  isMap,
  quote,
  type Reporter,
  readConfigBytes,
  readDocument,
  toConfigText,
  withoutEmpty,
} from "@outrider/host";
import { applyOverrides, checkShape, type Fields, type Override, type RawScenario, toPath } from "../scenario/index.ts";
import { describeFileError } from "../workload/read-lines.ts";
import { experimentFile, mostRuns } from "./schema.ts";

/** Policies over rates and seeds, in several scenarios. */
export interface Experiment {
  readonly name: string;
  /** Files of configurations, as messages name them; at least one. */
  readonly policies: readonly string[];
  /** Requests a second, ascending; none = the workloads' own. */
  readonly rates: readonly number[];
  /** Runs of each policy and rate. */
  readonly seeds: number;
  /** At least one, names differ. */
  readonly cases: readonly ExperimentCase[];
}

/** A scenario that all policies of an experiment are put to. */
export interface ExperimentCase {
  readonly name: string;
  /** Its file, as messages name it. */
  readonly scenario: string;
  /** Values that stand instead of the scenario's. */
  readonly overrides: readonly Override[];
}

/** An experiment, or everything that is wrong with it. */
export type ExperimentResult =
  | { readonly kind: "valid"; readonly experiment: Experiment }
  /** At least one fault, in the order of the text. */
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

/** Whether a file says that it is an experiment; what cannot be read is none. */
export function isExperiment(file: RawScenario): boolean {
  const read = toConfigText(file);
  if (read.kind === "unreadable") return false;
  const { value } = readDocument(read.text);
  return isMap(value) && value.kind === "Experiment";
}

/**
 * Checks an experiment, all faults at once. Of the files that it names it only sees whether they are there.
 * @param overrides values that stand instead of what is written.
 */
export async function loadExperiment(file: RawScenario, overrides: readonly Override[]): Promise<ExperimentResult> {
  const read = toConfigText(file);
  if (read.kind === "unreadable") return { kind: "invalid", faults: [read.fault] };
  const document = readDocument(read.text);
  const report = createReporter(document);
  if (!document.usable) return { kind: "invalid", faults: report.faults() };
  const value = applyOverrides(withoutEmpty(document.value), overrides);
  const experiment = await checkExperiment(checkShape(experimentFile, value, report), file, report);
  const faults = report.faults();
  if (experiment === undefined || faults.length > 0) return { kind: "invalid", faults };
  return { kind: "valid", experiment };
}

async function checkExperiment(
  { name, policies = [], rates = [], seeds = 1, cases = [] }: Fields<typeof experimentFile.shape>,
  file: RawScenario,
  report: CollectingReporter,
): Promise<Experiment | undefined> {
  const runs = policies.length * Math.max(1, rates.length) * seeds * cases.length;
  if (runs > mostRuns) report.fault([], `asks for ${runs} runs, more than ${mostRuns}`, "take fewer rates or seeds");
  checkNames(cases, report);
  await checkFiles(policies, (i) => ["policies", i], file, report);
  await checkFiles(
    cases.map(({ scenario }) => scenario),
    (i) => ["cases", i, "scenario"],
    file,
    report,
  );
  const named = cases.map(({ name: ownName, scenario, set }, i) => ({
    name: ownName,
    scenario: shown(file, scenario),
    overrides: toOverrides(set, ["cases", i, "set"], report),
  }));
  return {
    name: name ?? parse(file.name).name,
    policies: policies.map((policy) => shown(file, policy)),
    rates: [...new Set(rates)].toSorted((a, b) => a - b),
    seeds,
    cases: named,
  };
}

/** Names become folders, of which some file systems take `A` and `a` for one. */
function checkNames(cases: readonly { readonly name: string }[], report: Reporter): void {
  const names = cases.map(({ name }) => name.toLowerCase());
  for (const [i, name] of names.entries()) {
    if (/^\.+$/.test(name))
      report.fault(["cases", i, "name"], `${quote(name)} cannot be a folder`, "name it in letters");
    const first = names.indexOf(name);
    if (first < i)
      report.fault(["cases", i, "name"], `is that of cases[${first}] too`, "each has a folder of its name");
  }
}

async function checkFiles(
  paths: readonly string[],
  at: (index: number) => FaultPath,
  file: RawScenario,
  report: Reporter,
): Promise<void> {
  for (const [i, path] of paths.entries()) {
    const error = await readConfigBytes(shown(file, path)).then(() => undefined, describeFileError);
    if (error === undefined) continue;
    const message = `names a file that cannot be read, ${quote(path)}: ${error}`;
    report.fault(at(i), message, "paths start at the folder of the experiment");
  }
}

function toOverrides(set: Readonly<Record<string, unknown>>, at: FaultPath, report: Reporter): readonly Override[] {
  return Object.entries(set).flatMap(([key, value]) => {
    const path = toPath(key);
    if (path !== undefined) return [{ path, value }];
    report.fault([...at, key], `${quote(key)} is no path of a scenario`, "such as fleet[0].count", "key");
    return [];
  });
}

/** A path of the file, from where the command runs. */
function shown({ name }: RawScenario, path: string): string {
  return isAbsolute(path) ? path : join(parse(name).dir, path);
}
