import { Command } from "commander";
import { type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";

/** Longest wait for a configuration to come into force, in ms: plugins that are new start first. */
const timeoutMs = 60_000;

/** `outrider config reload`: the configuration's file, put in force now. */
export function configReloadCommand(): Command {
  const reload = new Command("reload")
    .description("Have a running host read its configuration anew and put it in force.")
    .addHelpText(
      "after",
      "\nExit codes: 0 it is in force, or was already; 1 it was refused and the one before stays; 2 wrong usage.",
    )
    .action(async (flags: AdminFlags, command: Command) => {
      const host = await openAdmin(flags, command);
      if (host === undefined) return;
      try {
        const { generation, unchanged } = await host.procedures.reloadConfig({}, { timeoutMs });
        const what = unchanged ? "has not changed: generation" : "is in force as generation";
        process.stdout.write(`the configuration ${what} ${generation}\n`);
      } catch (cause) {
        failAnswer(command, host, cause);
      }
    });
  return withAdminFlags(reload);
}
