import { toJson } from "@bufbuild/protobuf";
import { type DurationQuantiles, ListPluginsResponseSchema, type Plugin } from "@outrider/protos/admin";
import { Command } from "commander";
import { type AdminFlags, failAnswer, openAdmin, withAdminFlags } from "./admin-client.ts";
import { toTable } from "./text-table.ts";

/** Longest wait for the host, in ms. */
const timeoutMs = 5_000;

/** `outrider plugin list`: what a running host knows of its plugins. */
export function pluginListCommand(): Command {
  const list = new Command("list")
    .description("Show every configured plugin of a running host: where it runs, its state, what its calls cost.")
    .option("--json", "print the answer as JSON, with the latest edges of each life", false)
    .addHelpText(
      "after",
      "\nTimes are the p99 of the last minute. Exit codes: 0 all plugins active, 1 some are not or the host does not" +
        " answer,\n2 wrong usage.",
    )
    .action(listPlugins);
  return withAdminFlags(list);
}

async function listPlugins(flags: AdminFlags & { readonly json: boolean }, command: Command): Promise<void> {
  const host = await openAdmin(flags, command);
  if (host === undefined) return;
  try {
    const response = await host.procedures.listPlugins({}, { timeoutMs });
    const { plugins } = response;
    process.stdout.write(
      flags.json ? `${JSON.stringify(toJson(ListPluginsResponseSchema, response))}\n` : toText(plugins),
    );
    process.exitCode = plugins.every(({ state }) => state === "active") ? 0 : 1;
  } catch (cause) {
    failAnswer(command, host, cause);
  }
}

type Cell = (plugin: Plugin) => string;

const columns: Readonly<Record<string, Cell>> = {
  NAME: ({ name }) => name,
  TYPE: ({ type }) => type,
  PLACEMENT: ({ placement }) => placement,
  STATE: ({ state, shadow }) => (shadow ? `${state} (shadow)` : state),
  GEN: ({ generation }) => String(generation),
  SCORED: ({ calls }) => count(calls?.scored),
  ABSTAINED: ({ calls }) => count(calls?.abstained),
  LATE: ({ calls }) => count(calls?.late),
  FAILED: ({ calls }) => count(calls?.failed),
  SHED: ({ calls }) => count(calls?.shed),
  FALLBACKS: ({ fallbacks }) => count(fallbacks),
  CALL: ({ callDuration }) => time(callDuration),
  HOST: ({ hostDuration }) => time(hostDuration),
  WIRE: ({ wireDuration }) => time(wireDuration),
  PLUGIN: ({ pluginDuration }) => time(pluginDuration),
  "REV LAG": ({ revLag }) => String(revLag),
  DROPPED: ({ droppedFeedback }) => count(droppedFeedback),
  RESTARTS: ({ restarts }) => String(restarts),
  PID: ({ pid }) => (pid === 0 ? "-" : String(pid)),
};

function count(value: number | undefined): string {
  return String(value ?? 0);
}

function time(quantiles: DurationQuantiles | undefined): string {
  if (quantiles === undefined) return "-";
  const { p99Us } = quantiles;
  return p99Us < 1_000 ? `${Math.round(p99Us)}us` : `${(p99Us / 1_000).toPrecision(2)}ms`;
}

function toText(plugins: readonly Plugin[]): string {
  const rows = plugins.map((plugin) => Object.values(columns).map((cell) => cell(plugin)));
  const remarks = plugins.flatMap(({ name, message, lastError }) => [
    ...(message === "" ? [] : [`${name}: ${message}`]),
    ...(lastError === "" ? [] : [`${name}: last error: ${lastError}`]),
  ]);
  return `${toTable(Object.keys(columns), rows)}${remarks.map((remark) => `${remark}\n`).join("")}`;
}
