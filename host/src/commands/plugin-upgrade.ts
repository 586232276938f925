import { toJson } from "@bufbuild/protobuf";
import { type UpgradePluginResponse, UpgradePluginResponseSchema } from "@outrider/protos/admin";
import { Command } from "commander";
import { type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";

/** Longest wait for the new generation to take over, in ms. */
const timeoutMs = 60_000;

/** `outrider plugin upgrade`: a new version of a plugin, beside the old one until it has proved itself. */
export function pluginUpgradeCommand(): Command {
  const upgrade = new Command("upgrade")
    .description("Start a plugin's process anew beside the running one, compare both, and swap without a lost request.")
    .argument("<name>", "name of a plugin or of its process")
    .option("--json", "print the answer as JSON", false)
    .addHelpText(
      "after",
      "\nExit codes: 0 the new one has taken over, 1 it does not start and the old one goes on, 2 wrong usage.",
    )
    .action(async (name: string, flags: AdminFlags & { readonly json: boolean }, command: Command) => {
      const host = await openAdmin(flags, command);
      if (host === undefined) return;
      if (process.stderr.isTTY) process.stderr.write(`${name}: starting, and asked in shadow for 10 s at most\n`);
      try {
        const response = await host.procedures.upgradePlugin({ name }, { timeoutMs });
        process.stdout.write(
          flags.json ? `${JSON.stringify(toJson(UpgradePluginResponseSchema, response))}\n` : toText(response),
        );
      } catch (cause) {
        failAnswer(command, host, cause);
      }
    });
  return withAdminFlags(upgrade);
}

function toText({ process, generation, shadowCalls, agreement, before, after }: UpgradePluginResponse): string {
  const head = `${process}: generation ${generation} has taken over`;
  if (agreement === undefined || before === undefined || after === undefined) {
    return `${head}; no calls came to compare it by\n`;
  }
  const share = `${(agreement * 100).toFixed(1)} % of ${shadowCalls} calls had the same best endpoints`;
  const times = `p99 ${Math.round(before.p99Us)} µs before, ${Math.round(after.p99Us)} µs now`;
  return `${head}; ${share}; ${times}\n`;
}
