import { runCli } from "@outrider/host/commands/cli";
import { commands } from "./commands.ts";
import { endWithLauncher } from "./launched.ts";

endWithLauncher();
await runCli(process.argv.slice(2), commands);
process.exit();
