import { Command } from "commander";
import { type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";

/** Longest wait for the host, in ms. */
const timeoutMs = 5_000;

/** `outrider plugin release`: one more try for a plugin that was given up. */
export function pluginReleaseCommand(): Command {
  const release = new Command("release")
    .description("Try a quarantined or failed plugin again.")
    .argument("<name>", "name of a plugin")
    .addHelpText("after", "\nExit codes: 0 it is tried again, 1 it was neither quarantined nor failed, 2 wrong usage.")
    .action(async (name: string, flags: AdminFlags, command: Command) => {
      const host = await openAdmin(flags, command);
      if (host === undefined) return;
      try {
        await host.procedures.releasePlugin({ name }, { timeoutMs });
        process.stdout.write(`${name} is tried again; outrider plugin list shows how it fares\n`);
      } catch (cause) {
        failAnswer(command, host, cause);
      }
    });
  return withAdminFlags(release);
}
