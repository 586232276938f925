import { readFile } from "node:fs/promises";
import { isLoopback, parseListenAddress } from "../admin/address.ts";
import { quote } from "../config/faults.ts";
import type { ConfigOrigin } from "../config/source.ts";
import { formatDuration, parseDurationMs, parseSizeBytes } from "../config/units.ts";
import { checkCipherSuites } from "../tls/cipher-suites.ts";
import { parseBoolean, parseCount, parsePort } from "./flag-values.ts";
import { inertFlags, refusedFlags, serveFlags } from "./serve-flags.ts";
import type { ServeOptions } from "./serve-options.ts";

/** Flags as they were given, by name without dashes; those with a default are always there. */
export type GivenFlags = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;

/** What the flags say, or everything that is wrong with them. */
export type ParsedServe =
  | { readonly kind: "options"; readonly options: ServeOptions }
  | { readonly kind: "wrong"; readonly problems: readonly string[] };

/** Shortest token that is taken, in characters: shorter ones can be guessed. */
const minTokenLength = 16;
const minRefreshMs = 50;
const maxDrainMs = 3_600_000;
const maxBodyBytes = 2 ** 30;
const maxCount = 10_000_000;
const maxHeldBytes = 2 ** 42;
const minMs = 100;
const dayMs = 86_400_000;
const bodyModes = ["auto", "full-duplex", "buffered", "streamed", "none"] as const;
const tlsVersions = { VersionTLS12: "TLSv1.2", VersionTLS13: "TLSv1.3" } as const;

/**
 * Checks the flags of `outrider serve`, all problems at once.
 * @param env environment, for `OUTRIDER_ADMIN_TOKEN`.
 */
export async function parseServe(flags: GivenFlags, env: NodeJS.ProcessEnv): Promise<ParsedServe> {
  const problems: string[] = [];
  const wrong = (flag: string, problem: string, hint: string) =>
    problems.push(`${flag.length === 1 ? "-" : "--"}${flag} ${problem} (${hint})`);
  const read = createReader(flags, wrong);
  const adminToken = await readToken(flags, env, wrong);
  const options: ServeOptions = {
    grpcPort: read.port("grpc-port"),
    grpcHealthPort: read.port("grpc-health-port"),
    metricsPort: read.port("metrics-port"),
    gatewayPort: flags["gateway-port"] === undefined ? undefined : read.port("gateway-port"),
    pickPort: flags["pick-port"] === undefined ? undefined : read.port("pick-port"),
    pickTimeoutMs: read.duration("pick-timeout", minMs, dayMs),
    adminAddress: readAdminAddress(flags, adminToken, wrong),
    adminToken,
    config: readOrigin(flags, wrong),
    watchConfig: read.boolean("watch-config"),
    endpoints: readEndpoints(flags),
    attach: readAttached(flags, wrong),
    endpointsFile: readText(flags, "endpoints-file"),
    secureServing: read.boolean("secure-serving"),
    tls: {
      certPath: readText(flags, "cert-path"),
      reloads: read.boolean("enable-cert-reload"),
      clientCaFile: readText(flags, "client-ca-file"),
      minVersion: tlsVersions[read.choice("tls-min-version", ["VersionTLS12", "VersionTLS13"])],
      cipherSuites: splitWords(readText(flags, "tls-cipher-suites") ?? ""),
    },
    healthChecking: read.boolean("health-checking"),
    bodyMode: read.choice("body-mode", bodyModes),
    usesSubset: !read.boolean("disable-endpoint-subset-filter"),
    emitsScores: read.boolean("emit-endpoint-scores"),
    conformanceSwitches: read.boolean("conformance-switches"),
    poolName: readText(flags, "pool-name"),
    gateway: {
      upstream: read.choice("gateway-upstream", ["http1", "h2c"]),
      connectTimeoutMs: read.duration("gateway-connect-timeout", minMs, dayMs),
      responseTimeoutMs: read.duration("gateway-response-timeout", minMs, dayMs),
      idleTimeoutMs: read.duration("gateway-idle-timeout", minMs, dayMs),
      accessLog: read.boolean("gateway-access-log"),
    },
    refreshMetricsIntervalMs: read.duration("refresh-metrics-interval", minRefreshMs, 60_000),
    limits: {
      maxBodyBytes: read.size("max-body-bytes", 1, maxBodyBytes, "from 1 to 1Gi"),
      maxHeldBytes: read.size("max-held-bytes", 1, maxHeldBytes, "from 1 to 4Ti"),
      maxHeaderBytes: read.size("max-header-bytes", 1024, 2 ** 24, "from 1Ki to 16Mi"),
      maxOpenRequests: read.count("max-open-requests"),
      maxConnections: read.count("max-connections"),
      maxRequestMs: read.duration("max-request-time", minMs, dayMs),
    },
    recordsPrompts: read.boolean("record-prompts"),
    warmup: flags.warmup !== false,
    drainTimeoutMs: read.duration("drain-timeout", 0, maxDrainMs),
    verbosity: read.verbosity(),
    notices: readNotices(flags, wrong),
  };
  checkEndpoints(options, flags, problems);
  checkSuites(options, wrong);
  checkPorts(options, wrong);
  return problems.length > 0 ? { kind: "wrong", problems } : { kind: "options", options };
}

type Wrong = (flag: string, problem: string, hint: string) => void;

function readText(flags: GivenFlags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `name=url` each. */
function readAttached(flags: GivenFlags, wrong: Wrong): ReadonlyMap<string, string> {
  const attached = new Map<string, string>();
  for (const text of [flags.attach ?? []].flat()) {
    const [, name = "", url = ""] = /^([^=]+)=(.*)$/.exec(String(text)) ?? [];
    if (/^(unix|h2c|http|https):/.test(url) && URL.canParse(url)) attached.set(name, url);
    else wrong("attach", `must be process=url, is ${quote(String(text))}`, "write --attach team=unix:/tmp/team.sock");
  }
  return attached;
}

/** Reads one kind of value each; what is wrong is told and read as 0. */
function createReader(flags: GivenFlags, wrong: Wrong) {
  const text = (name: string) => String(flags[name]);
  const bounded = (name: string, value: number | undefined, min: number, max: number, want: string, hint: string) => {
    if (value !== undefined && value >= min && value <= max) return value;
    wrong(name, `must be ${want}, is ${quote(text(name))}`, `write --${name} ${hint}`);
    return 0;
  };
  return {
    port: (name: string) => bounded(name, parsePort(text(name)), 0, 65_535, "a port, 0 to 65535", "9002"),
    duration(name: string, min: number, max: number) {
      const want = `a time from ${formatDuration(min)} to ${formatDuration(max)}, with its unit`;
      return bounded(name, parseDurationMs(text(name)), min, max, want, defaultOf(name));
    },
    size: (name: string, min: number, max: number, range: string) =>
      bounded(name, parseSizeBytes(text(name)), min, max, `a size ${range}`, defaultOf(name)),
    count: (name: string) =>
      bounded(name, parseCount(text(name)), 1, maxCount, `a whole number from 1 to ${maxCount}`, defaultOf(name)),
    choice<Choice extends string>(name: string, choices: readonly [Choice, ...Choice[]]): Choice {
      const value = choices.find((choice) => choice === text(name));
      if (value === undefined) {
        wrong(name, `must be ${choices.join(" or ")}, is ${quote(text(name))}`, `write --${name} ${choices[0]}`);
      }
      return value ?? choices[0];
    },
    boolean(name: string) {
      const value = parseBoolean(text(name));
      if (value === undefined) wrong(name, `must be true or false, is ${quote(text(name))}`, `write --${name}=false`);
      return value ?? false;
    },
    verbosity() {
      const value = text("v");
      if (/^-?\d{1,3}$/.test(value)) return Number(value);
      wrong("v", `must be a whole number, is ${quote(value)}`, "write -v=2");
      return 0;
    },
  };
}

/** Default of a flag, as an example of how to write it. */
function defaultOf(name: string): string {
  return serveFlags.find((flag) => flag.name === name)?.default ?? "";
}

async function readToken(flags: GivenFlags, env: NodeJS.ProcessEnv, wrong: Wrong): Promise<string | undefined> {
  const file = readText(flags, "admin-token-file");
  if (file === undefined) return checkToken(env.OUTRIDER_ADMIN_TOKEN || undefined, "OUTRIDER_ADMIN_TOKEN", wrong);
  try {
    return checkToken((await readFile(file, "utf8")).trim(), file, wrong);
  } catch (error) {
    wrong(
      "admin-token-file",
      `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      "name a file",
    );
    return undefined;
  }
}

function checkToken(token: string | undefined, source: string, wrong: Wrong): string | undefined {
  if (token === undefined) return undefined;
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= minTokenLength) return token;
  const problem = `gets no token from ${source}: it must be ${minTokenLength} or more visible ASCII characters`;
  wrong("admin-token-file", problem, "openssl rand -hex 32 makes one");
  return undefined;
}

function readAdminAddress(flags: GivenFlags, token: string | undefined, wrong: Wrong): ServeOptions["adminAddress"] {
  const text = String(flags["admin-address"]);
  const address = parseListenAddress(text);
  if (address === undefined) {
    wrong("admin-address", `must be host:port, is ${quote(text)}`, "write --admin-address 127.0.0.1:9004");
    return { host: "127.0.0.1", port: 0 };
  }
  if (token === undefined && !isLoopback(address.host)) {
    const problem = `is ${quote(text)}, which other machines reach, so it needs a token`;
    wrong("admin-address", problem, "add --admin-token-file FILE, or set OUTRIDER_ADMIN_TOKEN");
  }
  return address;
}

function readOrigin(flags: GivenFlags, wrong: Wrong): ConfigOrigin {
  const path = readText(flags, "config-file");
  const text = readText(flags, "config-text");
  if (path !== undefined && text !== undefined) wrong("config-file", "stands beside --config-text", "keep one of them");
  if (path !== undefined) return { kind: "file", path };
  return text === undefined ? { kind: "builtin" } : { kind: "text", text };
}

function readEndpoints(flags: GivenFlags): readonly string[] {
  const lists = flags.endpoints;
  return (Array.isArray(lists) ? lists : []).flatMap((list: string) => splitWords(list));
}

function splitWords(list: string): readonly string[] {
  return list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** A sentence for each flag that was given and says something else than what holds. */
function readNotices(flags: GivenFlags, wrong: Wrong): readonly string[] {
  for (const name of refusedFlags) {
    if (flags[name] !== undefined) wrong(name, "is refused: vLLM's metrics are always read", "remove it");
  }
  return inertFlags.flatMap(({ name, reason, isSwitch, holds }) => {
    const given = flags[name];
    if (given === undefined || given === holds) return [];
    if (isSwitch && (typeof given !== "string" || parseBoolean(given) === undefined)) {
      wrong(name, `must be true or false, is ${quote(String(given))}`, `write --${name}=${holds}`);
    }
    const same = isSwitch && parseBoolean(String(given)) === (holds === "true");
    return same ? [] : [`--${name} has no effect: ${reason}`];
  });
}

/** A configuration may name a file of endpoints itself. */
function checkEndpoints(options: ServeOptions, flags: GivenFlags, problems: string[]): void {
  const { endpoints, endpointsFile, config } = options;
  if (endpoints.length > 0 || endpointsFile !== undefined || config.kind !== "builtin") return;
  const kubernetes = flags["pool-name"] !== undefined || flags["endpoint-selector"] !== undefined;
  const why = kubernetes ? "endpoints are not read from Kubernetes yet" : "there are no endpoints";
  problems.push(`${why} (write --endpoints 127.0.0.1:8001,127.0.0.1:8002, or --endpoints-file FILE)`);
}

function checkSuites({ tls: { cipherSuites, minVersion } }: ServeOptions, wrong: Wrong): void {
  const fault = checkCipherSuites(cipherSuites, minVersion);
  if (fault !== undefined) wrong("tls-cipher-suites", fault, "leave it out for Node's suites");
}

function checkPorts(options: ServeOptions, wrong: Wrong): void {
  const { grpcPort, grpcHealthPort, metricsPort, gatewayPort, pickPort, adminAddress } = options;
  const taken = new Map<number, string>();
  const ports: readonly [name: string, port: number | undefined][] = [
    ["grpc-port", grpcPort],
    ["grpc-health-port", grpcHealthPort],
    ["metrics-port", metricsPort],
    ["gateway-port", gatewayPort],
    ["pick-port", pickPort],
    ["admin-address", adminAddress.port],
  ];
  for (const [name, port] of ports) {
    if (port === undefined || port === 0) continue;
    const other = taken.get(port);
    if (other === undefined) taken.set(port, name);
    else wrong(name, `has port ${port}, as --${other} has`, "give each its own");
  }
}
