import { runCli } from "@outrider/host/commands/cli";
import { commands } from "./commands.ts";

endWithLauncher();
await runCli(process.argv.slice(2), commands);
process.exit();

/** A launcher that is gone was killed, for it waits otherwise: this process ends as if killed too. */
function endWithLauncher(): void {
  process.once("disconnect", () => process.exit(1));
  process.channel?.unref();
}
