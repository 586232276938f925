import { toJson } from "@bufbuild/protobuf";
import { type GetConfigResponse, ListConfigsResponseSchema } from "@outrider/protos/admin";
import { Command } from "commander";
import { type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";
import { toTable } from "./text-table.ts";

/** Longest wait for the host, in ms. */
const timeoutMs = 5_000;

/** `outrider config history`: what was in force, and what was refused. */
export function configHistoryCommand(): Command {
  const history = new Command("history")
    .description(
      "Show the latest configurations of a running host, newest first, and the last change if it was refused.",
    )
    .option("--json", "print the list as JSON", false)
    .addHelpText("after", "\nExit codes: 0 shown, 1 the host does not answer, 2 wrong usage.")
    .action(async (flags: AdminFlags & { readonly json: boolean }, command: Command) => {
      const host = await openAdmin(flags, command);
      if (host === undefined) return;
      try {
        const response = await host.procedures.listConfigs({}, { timeoutMs });
        if (flags.json) {
          process.stdout.write(`${JSON.stringify(toJson(ListConfigsResponseSchema, response))}\n`);
          return;
        }
        const current = await host.procedures.getConfig({}, { timeoutMs });
        process.stdout.write(`${toTable(heads, response.configs.map(toRow))}${describeRefusal(current)}`);
      } catch (cause) {
        failAnswer(command, host, cause);
      }
    });
  return withAdminFlags(history);
}

const heads = ["GENERATION", "IN FORCE SINCE", "CAUSE", "SOURCE", "SHA-256"];

function toRow({ generation, loadedAtMs, cause, rollbackOf, source, sha256 }: GetConfigResponse): readonly string[] {
  const why = rollbackOf === 0 ? cause : `${cause} to ${rollbackOf}`;
  return [String(generation), new Date(loadedAtMs).toISOString(), why, source, sha256.slice(0, 12)];
}

function describeRefusal({ refused }: GetConfigResponse): string {
  if (refused === undefined) return "";
  const { atMs, cause, message } = refused;
  return `\nrefused since (${cause}, ${new Date(atMs).toISOString()}):\n${message}\n`;
}
