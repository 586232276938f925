import { availableParallelism } from "node:os";
import { join } from "node:path";
import { formatFaults, type PluginCatalogue } from "@outrider/host";
import { failUsage, pathOf, toError } from "@outrider/host/commands/usage";
import type { Command } from "commander";
import { CompareError, toComparisonJson } from "../compare/index.ts";
import {
  type CaseComparison,
  experimentText,
  loadExperiment,
  planCases,
  runCases,
  toExperimentJson,
} from "../experiment/index.ts";
import { WriteError, writeReport, writeWhole } from "../report/index.ts";
import type { Override, RawScenario } from "../scenario/index.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { prepareFolder } from "./prepare-folder.ts";
import { print } from "./print.ts";
import { createRunTeller } from "./run-teller.ts";

/** What the command line says of an experiment. */
export interface ExperimentFlags {
  readonly out?: string;
  readonly json: boolean;
  /** First seed, in the place of the scenarios'. */
  readonly seed?: number;
  /** Values in the place of what the experiment says. */
  readonly set: readonly Override[];
}

/**
 * `outrider simulate` of an experiment: every core makes runs; a report a case.
 * @param module URL of the module that exports `catalogue` as `plugins`.
 */
export async function simulateExperiment(
  raw: RawScenario,
  flags: ExperimentFlags,
  catalogue: PluginCatalogue,
  module: string,
  command: Command,
): Promise<void> {
  const result = await loadExperiment(raw, flags.set);
  if (result.kind === "invalid") return end(formatFaults(raw.name, result.faults), 2);
  const interrupt = listenForInterrupt();
  try {
    const seed = flags.seed === undefined ? [] : [{ path: ["seed"], value: flags.seed }];
    const plans = await planCases(result.experiment, seed, catalogue);
    const unwritable = flags.out === undefined ? undefined : await prepareFolder(flags.out).catch(toError);
    if (unwritable instanceof Error) return failUsage(command, [`--out ${flags.out}: ${unwritable.message}`]);
    const cases = await runCases(plans, {
      folder: flags.out,
      module,
      processes: availableParallelism(),
      signal: interrupt.signal,
      progress: createRunTeller(pathOf(command)),
      ended: (one) => writeCase(flags.out, one),
    });
    await tell(result.experiment.name, cases, flags);
    const isWhole = cases.every(({ comparison: { report } }) => report.partial === null);
    process.exitCode = isWhole ? 0 : (interrupt.exitCode ?? 1);
  } catch (error) {
    if (error instanceof CompareError) end(error.message, 2);
    else if (error instanceof WriteError) end(`${pathOf(command)}: ${error.message}`, 1);
    else throw error;
  } finally {
    interrupt.close();
  }
}

/** Writes the report of a case as soon as it is there. */
async function writeCase(out: string | undefined, { name, comparison }: CaseComparison): Promise<void> {
  if (out === undefined) return;
  const folder = join(out, name);
  await writeWhole(join(folder, "comparison.json"), `${toComparisonJson(comparison)}\n`);
  await writeReport(folder, comparison.report);
  process.stderr.write(`report: ${join(folder, "report.html")}\n`);
}

async function tell(name: string, cases: readonly CaseComparison[], { out, json }: ExperimentFlags): Promise<void> {
  const [whole, text] = [`${toExperimentJson(name, cases)}\n`, experimentText(name, cases)];
  await print(json ? whole : text);
  if (out === undefined) return;
  await writeWhole(join(out, "experiment.json"), whole);
  await writeWhole(join(out, "summary.txt"), text);
}

function end(text: string, exitCode: number): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}
