import { basename, dirname, resolve } from "node:path";
import { OutriderError } from "@outrider/core";
import { formatFaults, type PluginCatalogue, readConfigBytes } from "@outrider/host";
import { failUsage, pathOf, toError } from "@outrider/host/commands/usage";
import { Command, InvalidArgumentError, Option } from "commander";
import type { RunEnd, Scenario } from "../contract/index.ts";
import { isExperiment } from "../experiment/index.ts";
import { toRunReport, WriteError, writeReport } from "../report/index.ts";
import { createResults, type RunSummary } from "../results/index.ts";
import { loadScenario, type Override, parseOverride, type RawScenario } from "../scenario/index.ts";
import { runScenario } from "../simulation/index.ts";
import { type Interrupt, listenForInterrupt } from "./interrupt.ts";
import { prepareFolder } from "./prepare-folder.ts";
import { print } from "./print.ts";
import { createProgress } from "./progress.ts";
import { type ExperimentFlags as SimulateFlags, simulateExperiment } from "./simulate-experiment.ts";
import { summaryText } from "./summary-text.ts";

const help = `
Examples:
  outrider simulate examples/lab/high-sharing.yaml
  outrider simulate scenario.yaml --out report        report.html, charts, tables and data
  outrider simulate scenario.yaml --seed 7 --json > summary.json
  outrider simulate examples/lab/experiment.yaml --out report    policies over rates; a report a case
  outrider simulate scenario.yaml --set config=other.yaml --set 'fleet[0].count=12'

The same scenario and seed give the same output, byte for byte. Progress goes to stderr. Ctrl-C ends the simulation and
reports what there is, marked as partial. How to write a scenario: docs/lab.md.
Exit codes: 0 simulated, 1 the results cannot be written, 2 wrong usage or a scenario that cannot be simulated,
130 ended by Ctrl-C.`;

/**
 * `outrider simulate`: a scenario in virtual time, or an experiment of many.
 * @param catalogue built-in plugin types.
 * @param module URL of the module that exports them as `plugins`, for the processes that make an experiment's runs.
 */
export function simulateCommand(catalogue: PluginCatalogue, module: string): Command {
  return new Command("simulate")
    .description(
      "Simulate a fleet in virtual time: the real scheduler and the real plugins decide, model servers are modelled.",
    )
    .argument("<scenario>", "scenario or experiment, YAML or JSON")
    .option("--out <folder>", "write a report with charts, tables and data into this folder")
    .option("--json", "print the summary as one JSON object", false)
    .option("--seed <n>", "seed in the place of the scenario's", toSeed)
    .addOption(
      new Option("--set <path=value>", "value in the place of what the scenario says; may be repeated")
        .argParser(toOverrides)
        .default([], "none"),
    )
    .addHelpText("after", help)
    .action((file: string, flags: SimulateFlags, command: Command) =>
      simulate(file, flags, { catalogue, module }, command),
    );
}

function toSeed(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed < 2 ** 32) return seed;
  throw new InvalidArgumentError(`must be a whole number below 4294967296, is "${text}".`);
}

function toOverrides(text: string, before: readonly Override[]): readonly Override[] {
  const override = parseOverride(text);
  if (override !== undefined) return [...before, override];
  throw new InvalidArgumentError(`must be path=value, such as fleet[0].count=12, is "${text}".`);
}

async function simulate(
  file: string,
  flags: SimulateFlags,
  { catalogue, module }: { readonly catalogue: PluginCatalogue; readonly module: string },
  command: Command,
): Promise<void> {
  const raw = await readScenario(file).catch(toError);
  if (raw instanceof Error) return failUsage(command, [`${file} cannot be read: ${raw.message}`]);
  if (isExperiment(raw)) return simulateExperiment(raw, flags, catalogue, module, command);
  const seed = flags.seed === undefined ? [] : [{ path: ["seed"], value: flags.seed }];
  const result = await loadScenario(raw, [...flags.set, ...seed]);
  if (result.kind === "invalid") return failStart(formatFaults(raw.name, result.faults));
  const unwritable = flags.out === undefined ? undefined : await prepareFolder(flags.out).catch(toError);
  if (unwritable instanceof Error) return failUsage(command, [`--out ${flags.out}: ${unwritable.message}`]);
  const interrupt = listenForInterrupt();
  try {
    const summary = await run(result.scenario, catalogue, interrupt);
    process.exitCode = interrupt.exitCode ?? 0;
    await report(summary, result.scenario, raw, flags, command);
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    failStart(error.message);
  } finally {
    interrupt.close();
  }
}

async function readScenario(file: string): Promise<RawScenario> {
  return { name: file, bytes: await readConfigBytes(file), folder: dirname(resolve(file)) };
}

/** Tells why nothing was simulated; each line has its place already. */
function failStart(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 2;
}

async function run(scenario: Scenario, catalogue: PluginCatalogue, interrupt: Interrupt): Promise<RunSummary> {
  const results = createResults(scenario);
  const progress = createProgress(process.stderr, scenario.durationMs);
  const observer = { ...results, progress: progress.show };
  try {
    const end: RunEnd = await runScenario(scenario, { catalogue, observer, signal: interrupt.signal });
    return results.summary(end);
  } finally {
    progress.end();
  }
}

/** Prints the summary before anything is written: a full disk takes nothing away from it. */
async function report(
  summary: RunSummary,
  scenario: Scenario,
  raw: RawScenario,
  { out, json, set }: SimulateFlags,
  command: Command,
): Promise<void> {
  try {
    await print(json ? `${JSON.stringify(summary)}\n` : summaryText(summary, scenario));
    if (out === undefined) return;
    await writeReport(out, { ...toRunReport(summary), sources: toSources(raw, set) });
    process.stderr.write(`report: ${out}/report.html\n`);
  } catch (error) {
    if (!(error instanceof WriteError)) throw error;
    process.stderr.write(`${pathOf(command)}: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function toSources({ name, bytes }: RawScenario, set: readonly Override[]): Readonly<Record<string, string>> {
  const scenario = { [basename(name)]: new TextDecoder().decode(bytes) };
  return set.length === 0 ? scenario : { ...scenario, "--set": JSON.stringify(set) };
}
