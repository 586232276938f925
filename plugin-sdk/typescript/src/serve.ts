import { randomUUID } from "node:crypto";
import { fstatSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type AnyDefinition, OutriderError } from "@outrider/core/contract";
import { type ListenAddress, listen, type PluginTls } from "./http/listen.ts";
import { createPluginRequests } from "./http/plugin-requests.ts";
import { createPluginServer } from "./plugin-server.ts";

export type { PluginTls } from "./http/listen.ts";

/** How a process serves its definitions; everything has a default. */
export interface ServeOptions {
  /** Name of the plugin, for logs; default its first type. */
  readonly name?: string;
  /** Its version, semantic versioning; default `0.0.0`. */
  readonly version?: string;
  /** Socket to listen on where the environment names neither socket nor port. */
  readonly socket?: string;
  /** Port to listen on where the environment names neither socket nor port, and `socket` is not set; 0 = any free one. */
  readonly port?: number;
  /** Interface of a port; default `127.0.0.1`, which only this machine reaches. */
  readonly host?: string;
  /** Serves a port over TLS; default in the clear. */
  readonly tls?: PluginTls;
  /**
   * Default the process's. `OUTRIDER_PLUGIN_SOCKET`, or else `PORT`, says where to listen, before `socket` and `port`;
   * `OUTRIDER_PLUGIN_TOKEN` what every caller must send as `authorization: Bearer`, but for health.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Says something to the operator; default a line on standard error. */
  readonly log?: (message: string) => void;
}

/** A plugin that is being served. */
export interface ServedPlugin {
  /** Port that was taken; 0 for a socket. */
  readonly port: number;
  /**
   * Tells hosts and probes whether calls should be sent; ready at first. A host puts no calls while it is not.
   * @param message why, for people.
   */
  setHealth(isReady: boolean, message?: string): void;
  /** Finishes the calls there are, for two seconds at most, and stops listening. */
  close(): Promise<void>;
}

/** Longest wait for calls to finish, in ms. */
const finishMs = 2_000;

/**
 * Serves scorers and producers to hosts, from this process on: Session, single calls, health and reflection on one
 * socket or port. Ends the process at SIGTERM, when its calls are finished, and with the host that started it.
 * @throws {OutriderError} `CONFIG_INVALID` where nothing says where to listen.
 */
export async function serve(
  definitions: AnyDefinition | readonly AnyDefinition[],
  options: ServeOptions = {},
): Promise<ServedPlugin> {
  const list = Array.isArray(definitions) ? definitions : [definitions];
  const { name = list[0]?.type ?? "", version = "0.0.0", environment = process.env, log = logLine } = options;
  const clock = () => performance.now();
  const server = createPluginServer({ definitions: list, name, version, bootId: randomUUID(), clock, log });
  const token = environment.OUTRIDER_PLUGIN_TOKEN ?? "";
  const requests = createPluginRequests(server, token);
  const listening = await listen(requests, toAddress(environment, options));
  const close = async () => {
    process.off("SIGTERM", exit);
    const endMs = performance.now() + finishMs;
    while (server.load > 0 && performance.now() < endMs) await delay(5);
    await listening.close();
  };
  const exit = () => void close().then(() => process.exit(0));
  process.once("SIGTERM", exit);
  if (token !== "" && isPipe(0)) process.stdin.resume().once("end", exit);
  const setHealth = (isReady: boolean, message = "") => server.health.set(isReady, message);
  return { port: listening.port, setHealth, close };
}

/** The host that has started the process goes before what the process itself would choose. */
function toAddress(
  { OUTRIDER_PLUGIN_SOCKET: socket, PORT: port }: Readonly<Record<string, string | undefined>>,
  options: ServeOptions,
): ListenAddress {
  const { host = "127.0.0.1", tls } = options;
  if (socket) return { kind: "socket", path: socket };
  if (port && /^\d+$/.test(port)) return { kind: "port", host, port: Number(port), tls };
  if (options.socket !== undefined) return { kind: "socket", path: options.socket };
  if (options.port !== undefined) return { kind: "port", host, port: options.port, tls };
  const message = "nowhere to listen: set OUTRIDER_PLUGIN_SOCKET to the path of a socket, or PORT";
  throw new OutriderError("CONFIG_INVALID", message);
}

/** Whether a descriptor is a pipe or socket, as the standard input is that a host holds open while it lives. */
function isPipe(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFIFO() || stats.isSocket();
  } catch {
    return false;
  }
}

function logLine(message: string): void {
  process.stderr.write(`${message}\n`);
}
