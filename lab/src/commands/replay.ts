import { OutriderError } from "@outrider/core/contract";
import { createLog, openConfig, type PluginCatalogue, type RawConfig, RecordingError } from "@outrider/host";
import { failUsage, pathOf, toError, usageExitCode } from "@outrider/host/commands/usage";
import { Command, InvalidArgumentError } from "commander";
import { ReplayError } from "../replay/replay-error.ts";
import { replayRecording } from "../replay/replay-recording.ts";
import type { ReplayReport } from "../replay/replay-report.ts";
import { toReplayText } from "../replay/to-replay-text.ts";
import { WriteError } from "../report/index.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { print } from "./print.ts";

interface ReplayFlags {
  readonly config?: string;
  readonly show: number;
  readonly json: boolean;
}

const help = `
Every decision is made again by the real cycle and real plugins, in the recorded order, on the recorded endpoint table,
facts, counts in flight, clock and randomness, with the recorded feedback in between. An answer that was late or failed
is missing again. Under another configuration each decision is judged in the situation that was recorded: what its picks
would have done to the load of endpoints is a question for outrider simulate.

Under the recorded configuration, also where --config names it, all has to agree bit by bit.

Exit codes: 0 compared, and the recorded configuration agrees; 1 it does not, or the report cannot be written; 2 wrong
usage, no recording, or a configuration or plugin that does not work; 130 interrupted.`;

/** `outrider replay`: recorded decisions again, under the same configuration or another one. */
export function replayCommand(catalogue: PluginCatalogue): Command {
  return new Command("replay")
    .description("Make recorded decisions again under another configuration: who would have gone where, and why.")
    .argument("<recording>", "file that outrider record has written")
    .option("--config <file>", "configuration to decide by; default the recorded one")
    .option("--show <count>", "differences and moved requests to show one by one", toCount, 10)
    .option("--json", "print the report as JSON", false)
    .addHelpText("after", help)
    .action((path: string, flags: ReplayFlags, command: Command) => replay(path, flags, catalogue, command));
}

function toCount(text: string): number {
  const count = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(count) && count >= 0) return count;
  throw new InvalidArgumentError(`must be a whole number, is "${text}".`);
}

async function replay(path: string, flags: ReplayFlags, catalogue: PluginCatalogue, command: Command): Promise<void> {
  const config = flags.config === undefined ? undefined : await readConfig(flags.config).catch(toError);
  if (config instanceof Error) return failUsage(command, [`--config cannot be read: ${config.message}`]);
  const interrupt = listenForInterrupt();
  try {
    const { show, json } = flags;
    const options = { path, config, catalogue, show, log: createLog(0), signal: interrupt.signal };
    const report = await replayRecording({ ...options, ...progressOf(command) });
    await print(json ? `${JSON.stringify(report)}\n` : toReplayText(report));
    process.exitCode = interrupt.exitCode ?? exitCodeOf(report);
  } catch (cause) {
    fail(toError(cause), command);
  } finally {
    interrupt.close();
  }
}

function readConfig(path: string): Promise<RawConfig> {
  return openConfig({ kind: "file", path });
}

function progressOf(command: Command) {
  if (!process.stderr.isTTY) return {};
  const progress = (decisions: number) => void process.stderr.write(`\r${pathOf(command)}: ${decisions} decisions`);
  return { progress };
}

/** A replay that made nothing again shows nothing. */
function exitCodeOf({ agrees, replayed }: ReplayReport): number {
  if (replayed === 0) return usageExitCode;
  return agrees ? 0 : 1;
}

function fail(error: Error, command: Command): void {
  const isUnwritten = error instanceof WriteError;
  const isExpected =
    isUnwritten ||
    error instanceof RecordingError ||
    error instanceof ReplayError ||
    error instanceof OutriderError ||
    ("syscall" in error && "code" in error);
  if (!isExpected) throw error;
  const lines = error.message.split("\n").map((line) => `${pathOf(command)}: ${line}\n`);
  process.stderr.write(`${process.stderr.isTTY ? "\n" : ""}${lines.join("")}`);
  process.exitCode = isUnwritten ? 1 : usageExitCode;
}
