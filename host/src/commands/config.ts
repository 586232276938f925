import { Command } from "commander";
import type { PluginCatalogue } from "../plugins/types.ts";
import { configCheckCommand } from "./config-check.ts";
import { configExplainCommand } from "./config-explain.ts";
import { configHistoryCommand } from "./config-history.ts";
import { configReloadCommand } from "./config-reload.ts";
import { configRollbackCommand } from "./config-rollback.ts";
import { configSchemaCommand } from "./config-schema.ts";
import { configWeightsCommand } from "./config-weights.ts";

/**
 * `outrider config`: what can be done with configurations.
 * @param catalogue built-in plugin types.
 * @param schema file of the JSON Schema, as it is generated.
 */
export function configCommand(catalogue: PluginCatalogue, schema: URL): Command {
  return new Command("config")
    .description("Check, explain and change configurations.")
    .addCommand(configCheckCommand(catalogue))
    .addCommand(configExplainCommand(catalogue))
    .addCommand(configSchemaCommand(schema))
    .addCommand(configHistoryCommand())
    .addCommand(configReloadCommand())
    .addCommand(configRollbackCommand())
    .addCommand(configWeightsCommand());
}
