import { Command, Option } from "commander";
import type { PluginCatalogue } from "../plugins/types.ts";
import { type GivenFlags, parseServe } from "./parse-serve.ts";
import { inertFlags, refusedFlags, type ServeFlag, serveFlags } from "./serve-flags.ts";
import { failUsage } from "./usage.ts";

const examples = `
Examples:
  outrider serve --endpoints 127.0.0.1:8001,127.0.0.1:8002 --gateway-port 8080
  outrider serve --config-file epp.yaml --endpoints-file endpoints.yaml
  outrider --config-file epp.yaml --endpoints 10.0.0.7:8000 -v=4

Flags may have one dash or two, and Go's forms: --drain-timeout=10s, --secure-serving=false, -v=4.
Flags of the reference EPP that change nothing here are accepted and told of once when they are given.
Exit codes: 0 stopped as asked, 1 stopped by a fault, 2 wrong usage or could not start.`;

/**
 * `outrider serve`: the EPP process.
 * @param catalogue built-in plugin types.
 * @param module as `serve` takes it.
 */
export function serveCommand(catalogue: PluginCatalogue, module?: string): Command {
  const command = new Command("serve")
    .description("Run the endpoint picker: ext_proc for Envoy, and a gateway of its own where asked for.")
    .addHelpText("after", examples);
  for (const flag of serveFlags) command.addOption(toOption(flag));
  const running = "Running:";
  command.addOption(new Option("--no-warmup", "report ready before the request path is warm").helpGroup(running));
  command.addOption(
    new Option("-v, --v <level>", "log: 0 warns, 2 informs, 4 debugs, 5 traces").default("2").helpGroup(running),
  );
  for (const { name, isSwitch } of inertFlags) {
    command.addOption(new Option(`--${name} ${isSwitch ? "[bool]" : "<value>"}`).hideHelp());
  }
  for (const name of refusedFlags) command.addOption(new Option(`--${name} <value>`).hideHelp());
  return command.action(async () => {
    const parsed = await parseServe(givenFlags(command), process.env);
    if (parsed.kind === "wrong") return failUsage(command, parsed.problems);
    const { serve } = await import("../serve.ts");
    process.exitCode = await serve(parsed.options, catalogue, module);
  });
}

function toOption({ name, value, group, about, default: preset, repeatable }: ServeFlag): Option {
  const option = new Option(`--${name} ${value === "" ? "[bool]" : `<${value}>`}`, about).helpGroup(group);
  if (preset !== undefined) option.default(preset);
  if (repeatable) option.argParser((word: string, before: string[] | undefined) => [...(before ?? []), word]);
  return option;
}

/** Flags of a parsed command by their names without dashes. */
export function givenFlags(command: Command): GivenFlags {
  return Object.fromEntries(
    command.options.map((option) => [
      option.long?.replace(/^--(no-)?/, "") ?? "",
      command.getOptionValue(option.attributeName()) as string | readonly string[] | boolean | undefined,
    ]),
  );
}
