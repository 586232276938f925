import { Command } from "commander";
import type { PluginCatalogue } from "../plugins/types.ts";
import { pluginListCommand } from "./plugin-list.ts";
import { pluginRecordCommand } from "./plugin-record.ts";
import { pluginReleaseCommand } from "./plugin-release.ts";
import { pluginReplayCommand } from "./plugin-replay.ts";
import { pluginUpgradeCommand } from "./plugin-upgrade.ts";

/**
 * `outrider plugin`: what a running host's plugins are asked, and what their frames are compared with.
 * @param tools commands for authors, of other packages.
 */
export function pluginCommand(catalogue: PluginCatalogue, tools: readonly Command[]): Command {
  const plugin = new Command("plugin").description("Write, check and look after plugins.");
  for (const tool of tools) plugin.addCommand(tool);
  return plugin
    .addCommand(pluginListCommand())
    .addCommand(pluginUpgradeCommand())
    .addCommand(pluginReleaseCommand())
    .addCommand(pluginRecordCommand())
    .addCommand(pluginReplayCommand(catalogue));
}
