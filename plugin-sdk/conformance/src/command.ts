import { randomInt } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { defaultNeeds } from "./default-needs.ts";
import type { PluginSubject } from "./kit/plugin-under-test.ts";
import { splitWords } from "./kit/shell-words.ts";
import { CannotVerify, type Level, levels, type Rule } from "./rule.ts";

interface CommandOptions {
  readonly json: boolean;
  readonly junit?: string;
  readonly needs: readonly string[];
  readonly type?: string;
  readonly parameters: string;
  readonly grant: readonly string[];
  readonly level?: Level;
  readonly rules?: readonly string[];
  readonly seed: number;
  readonly timeout: number;
  readonly patience: number;
  readonly tokenFile?: string;
}

/** How an address begins; anything else is a command line. */
const addressSchemes = /^(unix:|h2c:\/\/|https?:\/\/)/;

/** Exit code of wrong usage. */
const usageExitCode = 2;

/** `outrider plugin verify`: plays the host to a plugin and checks its duties. */
export function verifyCommand(): Command {
  return new Command("verify")
    .description("Play the host to a plugin and check its duties rule by rule, with faults injected.")
    .argument("<plugin>", "command line in one argument, quotes as in a shell; or unix:PATH, h2c://, http://, https://")
    .option("--json", "print the report as JSON", false)
    .option("--junit <file>", "write the report as JUnit XML; - for standard output")
    .option("--needs <keys>", "what a plugin of the level basic is given", toList, [...defaultNeeds])
    .option("--type <type>", "verify this type alone (default: all that are served)")
    .option("--parameters <json>", "parameters: of the type, as JSON", toJsonText, "")
    .option("--grant <keys>", "grant what an operator has to, such as request.block_hashes", toList, [])
    .addOption(new Option("--level <level>", "level that the plugin is to serve at least").choices(levels))
    .option("--rules <ids>", "check these rules, and those they build on (default: all)", toList)
    .option(
      "--seed <n>",
      "repeat what a run with this seed did (default: random, and printed)",
      toSeed,
      randomInt(2 ** 32),
    )
    .option("--timeout <ms>", "longest wait for the plugin to listen", toMs, 30_000)
    .option("--patience <ms>", "longest wait for one answer", toMs, 5_000)
    .option("--token-file <file>", "token of a plugin that is reached by an address")
    .addHelpText(
      "after",
      `
Examples:
  outrider plugin verify 'node my-scorer.ts'
  outrider plugin verify 'python3 scorer.py' --level basic
  outrider plugin verify unix:/run/my-scorer.sock --token-file token --junit report.xml

The rules C1 … are explained in docs/plugin-rules.md.
Exit codes: 0 all duties are kept (warnings do not count), 1 one is not, 2 wrong usage.`,
    )
    .action(verify);
}

/** The kit is loaded when it is asked for: the command alone is wanted for the help of its neighbours, too. */
async function verify(subject: string, options: CommandOptions, command: Command): Promise<void> {
  const { countOutcomes, toJsonReport, toJunitReport, toTextReport, verifyPlugin } = await import("./index.ts");
  try {
    const report = await verifyPlugin({
      ...options,
      subject: await toSubject(subject, options),
      startMs: options.timeout,
      patienceMs: options.patience,
      ...(process.stderr.isTTY ? { progress: showProgress } : {}),
    });
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    if (options.junit !== undefined) await writeJunit(options.junit, toJunitReport(report, subject));
    if (options.json) process.stdout.write(`${toJsonReport(report, subject)}\n`);
    else if (options.junit !== "-") process.stdout.write(toTextReport(report, subject));
    process.exitCode = countOutcomes(report.results).failed > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof CannotVerify)) throw error;
    const path = `outrider plugin ${command.name()}`;
    process.stderr.write(`${path}: ${error.message}\n${path}: see ${path} --help\n`);
    process.exitCode = usageExitCode;
  }
}

async function toSubject(subject: string, { tokenFile }: CommandOptions): Promise<PluginSubject> {
  if (addressSchemes.test(subject)) return { kind: "address", address: subject, token: await readToken(tokenFile) };
  if (tokenFile !== undefined)
    throw new CannotVerify("--token-file is for an address: a command is given its own token");
  const words = splitWords(subject);
  if (words.length === 0) throw new CannotVerify("a command line or an address is needed");
  return { kind: "command", command: { command: words, cwd: process.cwd(), env: {} } };
}

async function readToken(file: string | undefined): Promise<string> {
  if (file === undefined) return "";
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new CannotVerify(`--token-file cannot be read: ${(cause as Error).message}`);
  }
}

async function writeJunit(file: string, xml: string): Promise<void> {
  if (file === "-") {
    process.stdout.write(xml);
    return;
  }
  try {
    await writeFile(file, xml);
  } catch (cause) {
    throw new CannotVerify(`--junit cannot be written: ${(cause as Error).message}`);
  }
}

function showProgress(done: number, total: number, { id, title }: Rule): void {
  process.stderr.write(`\r\u001b[K${done + 1}/${total} ${id} ${title}`.slice(0, 120));
}

function toList(text: string): readonly string[] {
  const keys = text.split(",").map((key) => key.trim());
  if (keys.some((key) => key === "")) throw new InvalidArgumentError("keys with commas between are needed.");
  return keys;
}

function toJsonText(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new InvalidArgumentError("JSON is needed, such as '{\"saturation\": 8}'.");
  }
}

function toSeed(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  throw new InvalidArgumentError("a whole number below 4294967296 is needed.");
}

function toMs(text: string): number {
  const ms = Number(text);
  if (Number.isInteger(ms) && ms >= 1 && ms <= 600_000) return ms;
  throw new InvalidArgumentError("a whole number of ms up to 600000 is needed.");
}
