import { parseArgs } from "node:util";
import { type ServerRole, serverRoles } from "./stages/roles.ts";

/** A fleet to start. */
export interface FleetOptions {
  /** Servers; default 1. */
  readonly servers?: number;
  /**
   * Data-parallel ranks of each server, an engine and a port each, the ports one behind the other; default 1. With
   * more, each server has a loopback address of its own and all use the same ports, as pods do.
   */
  readonly ranks?: number;
  /** What the servers are, in turn, as in the label `llm-d.ai/role`; default none: they do all. */
  readonly roles?: readonly string[];
  /** File to write the endpoints to, with their roles as labels, once they listen; default none. */
  readonly endpointsFile?: string;
  /** Port of the first server, the others on those that follow; default 0: free ones. */
  readonly basePort?: number;
  /** Port of the control API; default 0: a free one. */
  readonly controlPort?: number;
  /** Real seconds that an engine second takes, above 0; default 0.05. */
  readonly timeScale?: number;
  /** Least real ms between two deliveries of a server; tokens that come faster share a write. Default 5. */
  readonly tickMs?: number;
  /** What the servers run on, in turn, as `MODEL:HARDWARE:TP`; default `qwen3-32b:h100:2` for all. */
  readonly engines?: readonly string[];
  /** Size of each KV cache, in tokens; default: what fits the memory. */
  readonly kvTokens?: number;
  /** Tokens of one KV block; default 16. */
  readonly blockSizeTokens?: number;
  /** Requests that run at once on a server; default 256. */
  readonly maxRunning?: number;
  /** Names the model is served under, its own first; `*` takes any. Default `qwen3-32b`. */
  readonly models?: readonly string[];
  /** Names of LoRA adapters, served besides; default none. */
  readonly adapters?: readonly string[];
  /** Length of an answer whose request sets no limit, in tokens; default 64. */
  readonly defaultOutputTokens?: number;
  /** What every server speaks: `http1`, and `h2c` (HTTP/2 in plaintext) besides on the same port; default `http1`. */
  readonly protocols?: readonly string[];
}

/** Options with every default in place; an engine's own limits stay open. */
export type ResolvedOptions = Required<Omit<FleetOptions, Open | "roles">> &
  Pick<FleetOptions, Open> & { readonly roles: readonly ServerRole[] };

type Open = "kvTokens" | "blockSizeTokens" | "maxRunning" | "endpointsFile";

const kinds = {
  servers: "number",
  ranks: "number",
  roles: "list",
  endpointsFile: "text",
  basePort: "number",
  controlPort: "number",
  timeScale: "number",
  tickMs: "number",
  engines: "list",
  kvTokens: "number",
  blockSizeTokens: "number",
  maxRunning: "number",
  models: "list",
  adapters: "list",
  defaultOutputTokens: "number",
  protocols: "list",
} as const satisfies { readonly [Name in keyof Required<FleetOptions>]: "number" | "list" | "text" };

const names = Object.keys(kinds) as readonly (keyof FleetOptions)[];

/**
 * Fills in defaults.
 * @throws {RangeError} that names the option at fault.
 */
export function resolveOptions(options: FleetOptions): ResolvedOptions {
  const resolved = {
    servers: 1,
    ranks: 1,
    basePort: 0,
    controlPort: 0,
    timeScale: 0.05,
    tickMs: 5,
    engines: ["qwen3-32b:h100:2"],
    models: ["qwen3-32b"],
    adapters: [],
    defaultOutputTokens: 64,
    protocols: ["http1"],
    ...options,
  };
  checkOption("servers", resolved.servers, Number.isInteger(resolved.servers) && resolved.servers >= 1);
  checkOption("ranks", resolved.ranks, Number.isInteger(resolved.ranks) && resolved.ranks >= 1 && resolved.ranks <= 8);
  const { roles = [] } = options;
  checkOption("roles", roles, roles.every(isRole));
  checkOption("timeScale", resolved.timeScale, resolved.timeScale > 0);
  checkOption("tickMs", resolved.tickMs, resolved.tickMs >= 0);
  checkOption("engines", resolved.engines, resolved.engines.length > 0);
  checkOption("models", resolved.models, resolved.models.length > 0 && resolved.models.every(isLabel));
  checkOption("adapters", resolved.adapters, resolved.adapters.every(isLabel));
  checkOption(
    "protocols",
    resolved.protocols,
    resolved.protocols.includes("http1") && resolved.protocols.every(isProtocol),
  );
  const { defaultOutputTokens } = resolved;
  checkOption(
    "defaultOutputTokens",
    defaultOutputTokens,
    Number.isInteger(defaultOutputTokens) && defaultOutputTokens >= 1,
  );
  return { ...resolved, roles: roles.filter(isRole) };
}

/** Options as flags of `main.ts`: `servers: 8` as `--servers 8`, lists joined by commas. */
export function toFlags(options: FleetOptions): string[] {
  return names.flatMap((name) => (options[name] === undefined ? [] : [`--${toKebab(name)}`, String(options[name])]));
}

/**
 * Reads flags.
 * @throws {TypeError | RangeError} for a flag or value it does not know; the message names it.
 */
export function fromFlags(args: readonly string[]): { readonly options: FleetOptions; readonly json: boolean } {
  const flags = Object.fromEntries(names.map((name) => [toKebab(name), { type: "string" as const }]));
  const { values } = parseArgs({ args: [...args], options: { ...flags, json: { type: "boolean" as const } } });
  const options = names.flatMap((name) => {
    const text = (values as Readonly<Record<string, unknown>>)[toKebab(name)];
    return typeof text === "string" ? [[name, readValue(name, text)]] : [];
  });
  return { options: Object.fromEntries(options), json: values.json === true };
}

function readValue(name: keyof FleetOptions, text: string): number | string | readonly string[] {
  if (kinds[name] === "text") return text;
  if (kinds[name] === "list") return text.split(",").filter((item) => item !== "");
  const value = text.trim() === "" ? Number.NaN : Number(text);
  checkOption(name, text, Number.isFinite(value));
  return value;
}

function checkOption(name: keyof FleetOptions, value: unknown, isRight: boolean): void {
  if (!isRight) throw new RangeError(`--${toKebab(name)} cannot be ${JSON.stringify(value)}`);
}

function toKebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isRole(name: string): name is ServerRole {
  return (serverRoles as readonly string[]).includes(name);
}

function isProtocol(name: string): boolean {
  return name === "http1" || name === "h2c";
}

/** Whether a name can stand in a metric's label, and in a list of names, as it is. */
function isLabel(name: string): boolean {
  return /^[!#-+\--[\]-~]+$/.test(name);
}
