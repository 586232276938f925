import { availableParallelism } from "node:os";
import { join } from "node:path";
import { OutriderError } from "@outrider/core";
import type { PluginCatalogue } from "@outrider/host";
import { Command, InvalidArgumentError } from "commander";
import {
  CompareError,
  type CompareProgress,
  type Comparison,
  compare,
  createPlan,
  type Plan,
  toComparisonJson,
} from "../compare/index.ts";
import { toMarkdown, versions, WriteError, writeReport, writeWhole } from "../report/index.ts";

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

Exit codes: 0 compared, 1 runs failed and are missing, 2 wrong usage, or files that cannot be read or written,
130 interrupted.`;

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
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, onSignal);
  try {
    const plan = await createPlan({ policies, scenario, workload, rates, seeds, catalogue });
    await comparePlan(plan, flags, module, interrupt.signal);
  } catch (error) {
    if (!isExpected(error)) throw error;
    for (const line of error.message.split("\n")) process.stderr.write(`outrider ${command.name()}: ${line}\n`);
    process.exitCode = 2;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
  }
}

function isExpected(error: unknown): error is Error {
  return error instanceof CompareError || error instanceof WriteError || error instanceof OutriderError;
}

async function comparePlan(plan: Plan, flags: CompareFlags, module: string, signal: AbortSignal): Promise<void> {
  const { out: folder, again, processes, json } = flags;
  const comparison = await compare(plan, { folder, again, processes, module, signal, progress: tell });
  if (folder !== undefined) await writeAllFiles(folder, comparison);
  process.stdout.write(json ? `${toComparisonJson(comparison)}\n` : toMarkdown(comparison.report, versions));
  process.exitCode = exitCodeOf(comparison, signal);
}

async function writeAllFiles(folder: string, comparison: Comparison): Promise<void> {
  await writeWhole(join(folder, "comparison.json"), `${toComparisonJson(comparison)}\n`);
  await writeReport(folder, comparison.report);
  process.stderr.write(`outrider compare: the report is ${join(folder, "report.html")}\n`);
}

function tell({ made, failed, all, last }: CompareProgress): void {
  const failure = last?.kind === "failed" ? `, ${last.job.policy}, seed ${last.job.seed}: ${last.message}` : "";
  const count = failed === 0 ? "" : `, ${failed} failed`;
  const line = `outrider compare: ${made} of ${all} runs${count}${failure}`;
  const end = made + failed === all || failure !== "";
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}${end ? "\n" : ""}` : `${line}\n`);
}

function exitCodeOf({ report, failed }: Comparison, signal: AbortSignal): number {
  if (report.partial === null) return 0;
  return signal.aborted && failed.length === 0 ? 130 : 1;
}
