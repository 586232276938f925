import { Command } from "commander";
import { type Fault, formatFault, formatFaults } from "../config/faults.ts";
import { type ConfigResult, loadConfig, openConfig } from "../config/load.ts";
import type { PluginCatalogue } from "../plugins/types.ts";
import { failUsage, toError } from "./usage.ts";

/** `outrider config`: what can be done with a configuration without a host. @param catalogue built-in plugin types. */
export function configCommand(catalogue: PluginCatalogue): Command {
  const check = new Command("check")
    .description("Check a configuration: every fault at once, each with its place.")
    .argument("<file>", "EndpointPickerConfig, YAML or JSON")
    .option("--json", "print one JSON object", false)
    .addHelpText("after", "\nExit codes: 0 valid, 1 faults, 2 wrong usage or unreadable.")
    .action(async (file: string, { json }: { readonly json: boolean }, command: Command) => {
      const raw = await openConfig({ kind: "file", path: file }).catch(toError);
      if (raw instanceof Error) return failUsage(command, [`${file} cannot be read: ${raw.message}`]);
      const result = await loadConfig(raw, catalogue);
      process.stdout.write(json ? `${JSON.stringify(toJson(file, result))}\n` : toText(file, result));
      process.exitCode = result.kind === "valid" ? 0 : 1;
    });
  return new Command("config").description("Check configurations.").addCommand(check);
}

function toJson(file: string, result: ConfigResult) {
  const faults: readonly Fault[] = result.kind === "invalid" ? result.faults : [];
  return { file, valid: result.kind === "valid", faults, warnings: result.warnings };
}

function toText(file: string, result: ConfigResult): string {
  const warnings = result.warnings.map(
    (warning) => `${formatFault(file, { ...warning, message: `warning: ${warning.message}` })}\n`,
  );
  if (result.kind === "invalid") return `${formatFaults(file, result.faults)}\n${warnings.join("")}`;
  const { plugins, profiles } = result.config;
  const scorers = new Set(profiles.flatMap((profile) => profile.scorers.map(({ name }) => name)));
  return `${warnings.join("")}${file} is valid (plugins: ${plugins.length}, scorers that count: ${scorers.size})
`;
}
