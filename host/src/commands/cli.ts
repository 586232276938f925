import { Command, CommanderError, InvalidArgumentError } from "commander";
import { didYouMean } from "../config/nearest.ts";
import { hostVersion } from "../version.ts";
import { fromGoFlags } from "./go-flags.ts";
import { failUsage, pathOf, usageExitCode } from "./usage.ts";

/** One command of `outrider`, loaded when it is asked for. */
export interface CommandEntry {
  /** One line for the overview. */
  readonly about: string;
  load(): Promise<Command>;
}

/** Commands by the word that asks for them, in the order of the overview. */
export type CommandCatalogue = Readonly<Record<string, CommandEntry>>;

const overview = `
Examples:
  outrider serve --endpoints 127.0.0.1:8001,127.0.0.1:8002 --gateway-port 8080
  outrider config check epp.yaml
  outrider demo

Flags without a command are those of serve: outrider --config-file epp.yaml --endpoints 10.0.0.7:8000
Exit codes: 0 fine, 1 findings or failed requests, 2 wrong usage or could not start.`;

/** Runs the command that the arguments name; the exit code is left in `process.exitCode`. */
export async function runCli(args: readonly string[], commands: CommandCatalogue): Promise<void> {
  const program = createProgram(commands);
  const words = toWords(args, commands);
  const name = words[0] === "help" ? words[1] : words[0];
  if (name === undefined) return showOverview(program);
  if (!Object.hasOwn(commands, name) && !name.startsWith("-")) {
    const hint = didYouMean(name, Object.keys(commands)) || `there are ${Object.keys(commands).join(", ")}`;
    return failUsage(program, [`there is no command "${name.slice(0, 60)}" (${hint})`]);
  }
  const entry = commands[name];
  if (entry !== undefined) replaceCommand(program, await entry.load());
  await parse(program, words);
}

function showOverview(program: Command): void {
  program.outputHelp({ error: true });
  process.exitCode = usageExitCode;
}

/** Flags alone are those of `serve`; a command's arguments may be in Go's syntax. */
function toWords(args: readonly string[], commands: CommandCatalogue): readonly string[] {
  const [first = ""] = args;
  const isOwn = ["--help", "-help", "-h", "--version", "-version"].includes(first);
  if (isOwn) return [first.replace(/^-(?=\w\w)/, "--")];
  return first.startsWith("-") && Object.hasOwn(commands, "serve") ? ["serve", ...args] : args;
}

function createProgram(commands: CommandCatalogue): Command {
  const program = new Command("outrider")
    .description("An endpoint picker for LLM inference whose scorers are services in any language.")
    .version(hostVersion, "--version", "show the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help of a command")
    .addHelpText("after", overview);
  for (const [name, { about }] of Object.entries(commands)) program.command(name).description(about);
  return program;
}

/** Puts a command in the place of what stood for it in the overview. */
function replaceCommand(program: Command, command: Command): void {
  const others = program.commands.filter((other) => other.name() !== command.name());
  (program.commands as Command[]).splice(0, program.commands.length, ...others);
  program.addCommand(command);
}

async function parse(program: Command, words: readonly string[]): Promise<void> {
  takeOver(program);
  try {
    await program.parseAsync(fromGoFlags(words, program), { from: "user" });
  } catch (error) {
    if (error instanceof InvalidArgumentError) failUsage(program, [error.message]);
    else if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
    else throw error;
  }
}

/** Has commander throw instead of ending the process, and name the command in what it complains of. */
function takeOver(command: Command): void {
  const path = pathOf(command);
  command
    .exitOverride()
    .showHelpAfterError(`${path}: see ${path} --help`)
    .configureOutput({ outputError: (text, write) => write(`${path}: ${text.replace(/^error: /, "")}`) });
  for (const inner of command.commands) takeOver(inner);
}
