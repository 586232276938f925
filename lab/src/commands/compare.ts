import { availableParallelism } from "node:os";
import { join } from "node:path";
import { OutriderError } from "@outrider/core";
import type { PluginCatalogue } from "@outrider/host";
import { failUsage, pathOf, toError } from "@outrider/host/commands/usage";
import { Command, InvalidArgumentError } from "commander";
import { CompareError, type Comparison, compare, createPlan, type Plan, toComparisonJson } from "../compare/index.ts";
import { toMarkdown, versions, WriteError, writeReport, writeWhole } from "../report/index.ts";
import { type Interrupt, listenForInterrupt } from "./interrupt.ts";
import { prepareFolder } from "./prepare-folder.ts";
import { print } from "./print.ts";
import { createRunTeller } from "./run-teller.ts";

interface CompareFlags {
  readonly scenario?: string;
  readonly workload?: string;
  readonly rates: readonly number[];
  readonly seeds: number;
  readonly processes: number;
  readonly out?: string;
  readonly again: boolean;
  readonly json: boolean;
}

const help = `
A policy is an EndpointPickerConfig, which then runs in the scenario that --scenario names, or a scenario, which runs as
it is but for the workload, rates and seeds: those are the same for all. Without --scenario the first scenario among the
policies is the one that configurations run in; without --workload its workload is used. The first policy is what the
others are compared with, run by run with the same seed and so the same arrivals.

With --out every run is kept as a file by a hash of its inputs. Asked again, only what is missing is run; Ctrl-C keeps
what is done. The hash covers the files that scenario and configuration name, not what those import: use --again where
code of a plugin changed behind them.

Examples:
  outrider compare round-robin.yaml prefix-load.yaml --scenario fleet.yaml --rates 2,5,8,10,12,15,20 --seeds 5 --out DIR
  outrider compare a.yaml b.yaml --scenario fleet.yaml --workload trace.jsonl --json

Exit codes: 0 compared, 1 runs failed and are missing, or results cannot be written, 2 wrong usage or files that cannot
be used, 130 interrupted.`;

/**
 * `outrider compare`: policies over the same workloads, with how sure it is.
 * @param catalogue built-in plugin types.
 * @param module URL of the module that exports them as `plugins`, for the processes that make the runs.
 */
export function compareCommand(catalogue: PluginCatalogue, module: string): Command {
  return new Command("compare")
    .description("Simulate several policies over the same arrivals, and tell what differs and how sure that is.")
    .argument("<policies...>", "configurations or scenarios; the others are compared with the first")
    .option("--scenario <file>", "scenario whose fleet and settings configurations run in")
    .option(
      "--workload <file>",
      "instead of the scenario's: a scenario, what stands under workload:, or a .jsonl trace",
    )
    .option("--rates <list>", "requests a second, separated by commas; default the workload's own", toRates, [])
    .option("--seeds <count>", "runs of each policy and rate, each with a seed of its own", toCount(1000), 5)
    .option("--processes <count>", "runs at once; default one a core", toCount(1024), availableParallelism())
    .option("--out <dir>", "folder for the report, and for the runs, which are kept there")
    .option("--again", "make runs again that are kept in --out", false)
    .option("--json", "print the comparison as JSON", false)
    .addHelpText("after", help)
    .action((policies: readonly string[], flags: CompareFlags, command: Command) =>
      run(policies, flags, catalogue, module, command),
    );
}

function toRates(text: string): readonly number[] {
  const rates = text.split(",").map((word) => Number(word.trim() || Number.NaN));
  const wrong = rates.findIndex((rate) => !(rate > 0 && rate <= 1_000_000));
  if (wrong >= 0) throw new InvalidArgumentError(`must be numbers above 0, has "${text.split(",")[wrong]}".`);
  return [...new Set(rates)].toSorted((a, b) => a - b);
}

function toCount(most: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (Number.isSafeInteger(count) && count >= 1 && count <= most) return count;
    throw new InvalidArgumentError(`must be a whole number from 1 to ${most}, is "${text}".`);
  };
}

async function run(
  policies: readonly string[],
  flags: CompareFlags,
  catalogue: PluginCatalogue,
  module: string,
  command: Command,
): Promise<void> {
  const { scenario, workload, rates, seeds } = flags;
  const interrupt = listenForInterrupt();
  try {
    const plan = await createPlan({ policies, scenario, workload, rates, seeds, catalogue });
    if (flags.out !== undefined) await prepareFolder(flags.out).catch(toUnwritable(flags.out));
    await comparePlan(plan, flags, module, interrupt, command);
  } catch (error) {
    fail(error, command);
  } finally {
    interrupt.close();
  }
}

function toUnwritable(folder: string): (cause: unknown) => never {
  return (cause) => {
    throw new CompareError("usage", [`--out ${folder}: ${toError(cause).message}`]);
  };
}

async function comparePlan(
  plan: Plan,
  { out: folder, again, processes, json }: CompareFlags,
  module: string,
  interrupt: Interrupt,
  command: Command,
): Promise<void> {
  const { signal } = interrupt;
  const progress = createRunTeller(pathOf(command));
  const comparison = await compare(plan, { folder, again, processes, module, signal, progress });
  await print(json ? `${toComparisonJson(comparison)}\n` : toMarkdown(comparison.report, versions));
  if (folder !== undefined) await writeFiles(folder, comparison);
  const isWhole = comparison.report.partial === null;
  process.exitCode = isWhole ? 0 : (interrupt.exitCode ?? 1);
}

async function writeFiles(folder: string, comparison: Comparison): Promise<void> {
  await writeWhole(join(folder, "comparison.json"), `${toComparisonJson(comparison)}\n`);
  await writeReport(folder, comparison.report);
  process.stderr.write(`report: ${join(folder, "report.html")}\n`);
}

/** Tells of what was to be expected; everything else is a fault of ours. */
function fail(error: unknown, command: Command): void {
  if (error instanceof CompareError && error.kind === "usage") failUsage(command, error.problems);
  else if (error instanceof CompareError || error instanceof OutriderError) end(error.message, 2);
  else if (error instanceof WriteError) end(`${pathOf(command)}: ${error.message}`, 1);
  else throw error;
}

function end(line: string, exitCode: number): void {
  process.stderr.write(`${line}\n`);
  process.exitCode = exitCode;
}
