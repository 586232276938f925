import { Command } from "commander";
import { pluginListCommand } from "./plugin-list.ts";
import { pluginRecordCommand } from "./plugin-record.ts";
import { pluginReleaseCommand } from "./plugin-release.ts";
import { pluginUpgradeCommand } from "./plugin-upgrade.ts";

/** `outrider plugin`: what a running host's plugins are asked. @param tools commands for authors, of other packages. */
export function pluginCommand(tools: readonly Command[]): Command {
  const plugin = new Command("plugin").description("Write, check and look after plugins.");
  for (const tool of tools) plugin.addCommand(tool);
  return plugin
    .addCommand(pluginListCommand())
    .addCommand(pluginUpgradeCommand())
    .addCommand(pluginReleaseCommand())
    .addCommand(pluginRecordCommand());
}
