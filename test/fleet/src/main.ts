import { startFleet } from "./fleet.ts";
import { fromFlags } from "./options.ts";

const usage = `Usage: main.ts [--servers N] [--ranks N] [--roles ROLE,…] [--endpoints-file PATH] [--base-port P] [--control-port P] [--time-scale S] [--tick-ms MS]
  [--engines MODEL:HARDWARE:TP,…] [--kv-tokens N] [--block-size-tokens N] [--max-running N]
  [--models NAME,…] [--adapters NAME,…] [--default-output-tokens N] [--protocols http1,h2c]
  [--json]
Serves simulated vLLM servers until standard input ends or SIGTERM.`;

try {
  const { options, json } = fromFlags(process.argv.slice(2));
  const fleet = await startFleet(options);
  const { endpoints, control, roles } = fleet;
  const end = () => void fleet.stop().then(() => process.exit(0));
  process.once("SIGTERM", end).once("SIGINT", end);
  process.stdin.once("end", end).once("error", end).resume();
  console.log(json ? JSON.stringify({ endpoints, control, roles }) : `${endpoints.join("\n")}\ncontrol ${control}`);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  process.exit(2);
}
