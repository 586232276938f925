import { Command } from "commander";
import { formatFaults } from "../config/faults.ts";
import { loadConfig } from "../config/load.ts";
import { explainConfig } from "../explain/explain-config.ts";
import { toExplanationText } from "../explain/to-text.ts";
import type { PluginCatalogue } from "../plugins/types.ts";
import { readConfigArgument, withConfigArgument } from "./config-argument.ts";

/** `outrider config explain`: what a host does with a configuration, in words. */
export function configExplainCommand(catalogue: PluginCatalogue): Command {
  return withConfigArgument(new Command("explain"))
    .description(
      "Say in words what a configuration does: profiles, filters, shares, budgets, what is read and scraped.",
    )
    .option("--json", "print one JSON object", false)
    .addHelpText("after", "\nExit codes: 0 explained, 1 the configuration has faults, 2 wrong usage or unreadable.")
    .action(async (file: string, { json }: { readonly json: boolean }, command: Command) => {
      const raw = await readConfigArgument(file, command);
      if (raw === undefined) return;
      const result = await loadConfig(raw, catalogue);
      if (result.kind === "invalid") {
        process.stderr.write(`${formatFaults(result.name, result.faults)}\n`);
        process.exitCode = 1;
        return;
      }
      const explanation = await explainConfig(result.config, catalogue);
      process.stdout.write(json ? `${JSON.stringify(explanation)}\n` : toExplanationText(explanation));
    });
}
