import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Document, parseDocument } from "yaml";

/** How to start an Envoy. */
export interface EnvoyOptions {
  /** The program, see `installEnvoy`. */
  readonly program: string;
  /** Outrider's ext_proc address, `ip:port`, plaintext. */
  readonly extProc: string;
  /** Model servers, `ip:port` each: members of the override_host cluster. */
  readonly endpoints: readonly string[];
  /** Worker threads; default 1. */
  readonly concurrency?: number;
  /** Changes the configuration before it is written; default none. */
  readonly edit?: (config: Document) => void;
}

/** A running Envoy. */
export interface Envoy {
  readonly pid: number;
  /** Base URL of the listener that takes one endpoint by header. */
  readonly originalDst: string;
  /** Base URL of the listener that walks down an endpoint list. */
  readonly overrideHost: string;
  /** Base URL of any listener by its name; @throws {Error} where there is none. */
  listener(name: string): string;
  /** Base URL of the admin interface. */
  readonly admin: string;
  /** What it has printed so far: access log and warnings. */
  output(): string;
  /** One counter or gauge of it by its full name; 0 where Envoy has not made it yet. */
  stat(name: string): Promise<number>;
  /** Its counters and gauges whose names a regular expression matches, by name. */
  stats(pattern: string): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

/**
 * Starts Envoy with `envoy.yaml` of this folder, its ports replaced by free ones.
 * @throws {Error} when it does not become ready within 20 s, with what it printed.
 */
export async function startEnvoy(options: EnvoyOptions): Promise<Envoy> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-envoy-"));
  const configFile = join(folder, "envoy.yaml");
  const adminFile = join(folder, "admin");
  writeFileSync(configFile, configure(options).toString());
  const logging = ["-l", "warning", "--file-flush-interval-msec", "50"];
  const args = ["-c", configFile, "--disable-hot-restart", ...logging, "--admin-address-path", adminFile];
  const child = spawn(options.program, [...args, "--concurrency", String(options.concurrency ?? 1)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => output.push(data));
  child.stderr.on("data", (data: Buffer) => output.push(data));
  const stop = () => end(child).finally(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const admin = `http://${await untilReady(child, adminFile)}`;
    const listeners = await listenersOf(admin);
    return {
      pid: child.pid ?? 0,
      originalDst: listeners("original_dst"),
      overrideHost: listeners("override_host"),
      listener: listeners,
      admin,
      output: () => Buffer.concat(output).toString(),
      stat: async (name) => (await readStats(admin, `^${name}$`))[name] ?? 0,
      stats: (pattern) => readStats(admin, pattern),
      stop,
    };
  } catch (cause) {
    await stop();
    throw new Error(`Envoy did not start:\n${Buffer.concat(output)}`, { cause });
  }
}

/** The bootstrap of this folder with free ports, the given ext_proc address and the given pool. */
function configure({ extProc, endpoints, edit }: EnvoyOptions): Document {
  const config = parseDocument(readFileSync(new URL("../envoy.yaml", import.meta.url), "utf8"));
  const port = ["address", "socket_address", "port_value"];
  config.setIn(["admin", ...port], 0);
  for (const listener of [0, 1]) config.setIn(["static_resources", "listeners", listener, ...port], 0);
  const members = (addresses: readonly string[]) =>
    config.createNode([{ lb_endpoints: addresses.map((address) => ({ endpoint: { address: toSocket(address) } })) }]);
  config.setIn(["static_resources", "clusters", 1, "load_assignment", "endpoints"], members(endpoints));
  config.setIn(["static_resources", "clusters", 2, "load_assignment", "endpoints"], members([extProc]));
  edit?.(config);
  return config;
}

function toSocket(address: string) {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { socket_address: { address: host, port_value: Number(address.slice(colon + 1)) } };
}

async function untilReady(child: ChildProcess, adminFile: string): Promise<string> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
    const admin = readIfThere(adminFile);
    if (admin === "") continue;
    const ready = await fetch(`http://${admin}/ready`).catch(() => undefined);
    if (ready?.ok === true) return admin;
  }
  throw new Error("it was not ready within 20 s");
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}

async function listenersOf(admin: string): Promise<(name: string) => string> {
  const { listener_statuses } = (await (await fetch(`${admin}/listeners?format=json`)).json()) as {
    listener_statuses: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return (wanted) => {
    const found = listener_statuses.find(({ name }) => name === wanted);
    if (found === undefined) throw new Error(`no listener ${wanted}`);
    return `http://127.0.0.1:${found.local_address.socket_address.port_value}`;
  };
}

async function readStats(admin: string, pattern: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${admin}/stats?filter=${encodeURIComponent(pattern)}`)).text();
  const lines = text.split("\n").filter((line) => /: \d+$/.test(line));
  return Object.fromEntries(lines.map((line) => line.split(": ")).map(([name, value]) => [name, Number(value)]));
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(timer);
}
