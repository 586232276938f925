import { resolve } from "node:path";
import { OutriderError } from "@outrider/core/contract";
import { Command, InvalidArgumentError } from "commander";
import type { Placement, PluginCatalogue } from "../plugins/types.ts";
import type { Cast } from "../replay/cast.ts";
import { CastError, RecordingError } from "../replay/replay-errors.ts";
import type { ReplayReport } from "../replay/replay-report.ts";
import { toReplayText } from "../replay/to-replay-text.ts";
import { failUsage, pathOf, toError, usageExitCode } from "./usage.ts";

interface ReplayFlags {
  readonly against: readonly Placement[];
  readonly plugin: readonly string[];
  readonly module?: string;
  readonly command?: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly show: number;
  readonly json: boolean;
}

const placements: readonly Placement[] = ["inline", "worker", "process", "remote"];

const help = `
The calls of the recording are put to the same types in each placement, with the recorded state and feedback between
them in the recorded order. Built-in types are found by themselves; --module, --command and --url say what answers for
all types in their place: narrow the replay to one plugin with --plugin then.

Exit codes: 0 all agree, 1 placements differ among each other or a stateless plugin from the recording, 2 wrong usage,
no recording, or a plugin that does not run.`;

/** `outrider plugin replay`: whether plugins answer recorded calls the same wherever they run, and as they did. */
export function pluginReplayCommand(catalogue: PluginCatalogue): Command {
  return new Command("replay")
    .description("Put recorded calls to plugins in several placements, and compare the answers bit by bit.")
    .argument("<frames>", "recording of outrider plugin record")
    .option("--against <placements>", "inline, worker, process, remote, separated by commas", toPlacements, [
      "inline",
      "worker",
      "process",
    ])
    .option("--plugin <process>", "only the frames of this process; may be repeated", collect, [])
    .option("--module <file>", "module that declares the types, for inline and worker")
    .option("--command <line>", "command line that serves the types, for process; run by a shell")
    .option("--url <url>", "address that serves the types, for remote: unix:PATH, h2c://, http://, https://")
    .option("--token-file <file>", "file with the token that is shown at --url")
    .option("--show <count>", "differences to show of each kind", toCount, 10)
    .option("--json", "print the report as JSON", false)
    .addHelpText("after", help)
    .action((path: string, flags: ReplayFlags, command: Command) => replay(path, flags, catalogue, command));
}

function collect(word: string, before: readonly string[]): readonly string[] {
  return [...before, word];
}

function toPlacements(text: string): readonly Placement[] {
  const words = text.split(",").map((word) => word.trim());
  const wrong = words.find((word) => !placements.includes(word as Placement));
  if (wrong !== undefined) throw new InvalidArgumentError(`must be of ${placements.join(", ")}, is "${wrong}".`);
  return placements.filter((placement) => words.includes(placement));
}

function toCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new InvalidArgumentError(`must be a whole number, is "${text}".`);
}

async function replay(path: string, flags: ReplayFlags, catalogue: PluginCatalogue, command: Command): Promise<void> {
  const problems = checkFlags(flags);
  if (problems.length > 0) return failUsage(command, problems);
  const { plugin: processes, show, json } = flags;
  const options = { path, cast: toCast(flags, catalogue), processes, show, ...progressOf(command) };
  const { replayRecording } = await import("../replay/replay-recording.ts");
  const report = await replayRecording(options).catch(toError);
  if (report instanceof Error) return failReplay(report, command);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : toReplayText(report));
  process.exitCode = exitCodeOf(report);
}

/** What goes together; each flag by itself has been checked. */
function checkFlags({ against, module, command, url, tokenFile }: ReplayFlags): readonly string[] {
  const isHere = against.includes("inline") || against.includes("worker");
  return [
    ...(against.includes("remote") && url === undefined ? ["--against remote needs --url: where is it served?"] : []),
    ...(!against.includes("remote") && url !== undefined ? ["--url is for --against remote"] : []),
    ...(!against.includes("process") && command !== undefined ? ["--command is for --against process"] : []),
    ...(!isHere && module !== undefined ? ["--module is for --against inline or worker"] : []),
    ...(tokenFile !== undefined && url === undefined ? ["--token-file is for --url"] : []),
  ];
}

function toCast({ against, module, command, url, tokenFile }: ReplayFlags, catalogue: PluginCatalogue): Cast {
  return {
    catalogue,
    placements: against,
    module: module === undefined ? undefined : resolve(module),
    command: command === undefined ? undefined : ["sh", "-c", command],
    url,
    tokenFile: tokenFile === undefined ? undefined : resolve(tokenFile),
  };
}

function progressOf(command: Command) {
  if (!process.stderr.isTTY) return {};
  const progress = (frames: number, calls: number) => {
    process.stderr.write(`\r${pathOf(command)}: ${frames} frames, ${calls} calls`);
  };
  return { progress };
}

function failReplay(error: Error, command: Command): void {
  const isExpected =
    error instanceof RecordingError || error instanceof CastError || error instanceof OutriderError || "code" in error;
  if (!isExpected) throw error;
  process.stderr.write(`${process.stderr.isTTY ? "\n" : ""}${pathOf(command)}: ${error.message}\n`);
  process.exitCode = usageExitCode;
}

/** A replay that compared nothing shows nothing. */
function exitCodeOf({ agrees, instances }: ReplayReport): number {
  if (instances.length === 0) return usageExitCode;
  return agrees ? 0 : 1;
}
