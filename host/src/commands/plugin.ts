import { readFile } from "node:fs/promises";
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type ListPluginsResponse, ListPluginsResponseSchema, type Plugin } from "@outrider/protos/admin";
import { Command } from "commander";
import { failUsage, toError } from "./usage.ts";

interface ListOptions {
  readonly json: boolean;
  readonly admin: string;
  readonly adminTokenFile?: string;
}

/** Longest wait for the host, in ms. */
const timeoutMs = 5_000;

/** `outrider plugin`: what a running host knows of its plugins. */
export function pluginCommand(): Command {
  const list = new Command("list")
    .description("Show every configured plugin of a running host: where it runs, its state, its calls by outcome.")
    .option("--json", "print the answer as JSON", false)
    .option("--admin <url>", "admin interface of the host", "http://127.0.0.1:9004")
    .option("--admin-token-file <file>", "token of the admin interface (or OUTRIDER_ADMIN_TOKEN)")
    .addHelpText(
      "after",
      "\nExit codes: 0 all plugins active, 1 some are not or the host does not answer, 2 wrong usage.",
    )
    .action(listPlugins);
  return new Command("plugin").description("Look after plugins.").addCommand(list);
}

async function listPlugins(options: ListOptions, command: Command): Promise<void> {
  const base = toBaseUrl(options.admin);
  if (base === undefined) {
    return failUsage(command, [`--admin must be a URL, is "${options.admin}" (write http://127.0.0.1:9004)`]);
  }
  const token = await readToken(options).catch(toError);
  if (token instanceof Error) return failUsage(command, [`--admin-token-file cannot be read: ${token.message}`]);
  try {
    const response = await ask(base, token);
    process.stdout.write(
      options.json ? `${JSON.stringify(toJson(ListPluginsResponseSchema, response))}\n` : toTable(response.plugins),
    );
    process.exitCode = response.plugins.every(({ state }) => state === "active") ? 0 : 1;
  } catch (error) {
    process.stderr.write(`outrider plugin list: ${base} ${describe(error)}\n`);
    process.exitCode = 1;
  }
}

/** With `http://` where the scheme is left out. */
function toBaseUrl(text: string): string | undefined {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`;
  return URL.canParse(url) ? url.replace(/\/+$/, "") : undefined;
}

async function readToken({ adminTokenFile }: ListOptions): Promise<string | undefined> {
  if (adminTokenFile === undefined) return process.env.OUTRIDER_ADMIN_TOKEN || undefined;
  return (await readFile(adminTokenFile, "utf8")).trim();
}

async function ask(base: string, token: string | undefined): Promise<ListPluginsResponse> {
  const response = await fetch(`${base}/outrider.admin.v1.AdminService/ListPlugins`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: "{}",
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`answered ${response.status}: ${text.slice(0, 200).trim()}`);
  return fromJson(ListPluginsResponseSchema, JSON.parse(text) as JsonValue, { ignoreUnknownFields: true });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return error.message === "fetch failed"
    ? `does not answer${cause}; is the host running?`
    : `${error.message}${cause}`;
}

const headings = [
  "NAME",
  "TYPE",
  "PLACEMENT",
  "STATE",
  "SCORED",
  "ABSTAINED",
  "LATE",
  "FAILED",
  "SHED",
  "RESTARTS",
  "PID",
];

function toTable(plugins: readonly Plugin[]): string {
  const rows = plugins.map(({ name, type, placement, state, calls, restarts, pid }) => {
    const counts = [calls?.scored, calls?.abstained, calls?.late, calls?.failed, calls?.shed, restarts];
    return [name, type, placement, state, ...counts.map((count) => String(count ?? 0)), pid === 0 ? "-" : String(pid)];
  });
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]!.length)));
  const table = [headings, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
  const remarks = plugins.flatMap(({ name, message, lastError }) => [
    ...(message === "" ? [] : [`${name}: ${message}`]),
    ...(lastError === "" ? [] : [`${name}: last error: ${lastError}`]),
  ]);
  return `${[...table, ...remarks].join("\n")}\n`;
}
