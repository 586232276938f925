import { Command, InvalidArgumentError } from "commander";
import { type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";
import { parseCount } from "./flag-values.ts";

/** Longest wait for a configuration to come into force, in ms: plugins that are not there any more start first. */
const timeoutMs = 60_000;

/** `outrider config rollback`: an earlier configuration, put in force again. */
export function configRollbackCommand(): Command {
  const rollback = new Command("rollback")
    .description("Put an earlier configuration of a running host in force again, until its file changes.")
    .option("--to <generation>", "one of outrider config history (default: the one before with another text)", toCount)
    .addHelpText(
      "after",
      "\nExit codes: 0 it is in force, or was already; 1 it is not kept or was refused, and nothing has changed;\n2 wrong usage.",
    )
    .action(async ({ to = 0, ...flags }: AdminFlags & { readonly to?: number }, command: Command) => {
      const host = await openAdmin(flags, command);
      if (host === undefined) return;
      try {
        const { generation, rollbackOf } = await host.procedures.rollbackConfig({ generation: to }, { timeoutMs });
        process.stdout.write(
          rollbackOf === 0
            ? `the configuration is in force already: generation ${generation}\n`
            : `generation ${rollbackOf} is in force again, as generation ${generation}, until the configuration's file changes or is reloaded\n`,
        );
      } catch (cause) {
        failAnswer(command, host, cause);
      }
    });
  return withAdminFlags(rollback);
}

function toCount(text: string): number {
  const count = parseCount(text);
  if (count === undefined || count === 0) throw new InvalidArgumentError("It must be a generation, from 1.");
  return count;
}
