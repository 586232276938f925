import { Command } from "commander";
import { type Fault, formatFaults } from "../config/faults.ts";
import { type ConfigResult, loadConfig } from "../config/load.ts";
import type { PluginCatalogue } from "../plugins/types.ts";
import { readConfigArgument, withConfigArgument } from "./config-argument.ts";

interface CheckFlags {
  readonly json: boolean;
  readonly strict: boolean;
}

/** `outrider config check`: everything that is wrong or odd in a configuration, at once. */
export function configCheckCommand(catalogue: PluginCatalogue): Command {
  return withConfigArgument(new Command("check"))
    .description("Check a configuration: every fault, warning and note at once, each with its place.")
    .option("--json", "print one JSON object", false)
    .option("--strict", "let warnings count as faults do", false)
    .addHelpText("after", "\nExit codes: 0 valid, 1 faults (with --strict warnings too), 2 wrong usage or unreadable.")
    .action(async (file: string, flags: CheckFlags, command: Command) => {
      const raw = await readConfigArgument(file, command);
      if (raw === undefined) return;
      const result = await loadConfig(raw, catalogue);
      process.stdout.write(flags.json ? `${JSON.stringify(toJson(result))}\n` : toText(result));
      process.exitCode = result.kind === "invalid" || (flags.strict && result.warnings.length > 0) ? 1 : 0;
    });
}

function toJson({ name, warnings, notes, ...result }: ConfigResult) {
  const faults: readonly Fault[] = result.kind === "invalid" ? result.faults : [];
  return { file: name, valid: result.kind === "valid", faults, warnings, notes };
}

function toText(result: ConfigResult): string {
  const { name } = result;
  const odd = toLines(name, "warning", result.warnings) + toLines(name, "note", result.notes);
  if (result.kind === "invalid") return `${formatFaults(name, result.faults)}\n${odd}`;
  const { profiles } = result.config;
  const counting = profiles.flatMap((profile) => profile.scorers.filter(({ shadow }) => !shadow));
  const scorers = new Set(counting.map((place) => place.name));
  return `${odd}${name} is valid (profiles: ${profiles.length}, scorers that count: ${scorers.size})\n`;
}

function toLines(name: string, kind: "warning" | "note", remarks: readonly Fault[]): string {
  if (remarks.length === 0) return "";
  return `${formatFaults(
    name,
    remarks.map((remark) => ({ ...remark, message: `${kind}: ${remark.message}` })),
  )}\n`;
}
