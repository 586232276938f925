import { randomUUID } from "node:crypto";
import { fstatSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type AnyDefinition, OutriderError } from "@outrider/core/contract";
import { type ListenAddress, listen } from "./listen.ts";
import { createPluginServer } from "./plugin-server.ts";

/** How a process serves its definitions; everything has a default. */
export interface ServeOptions {
  /** Name of the plugin, for logs; default its first type. */
  readonly name?: string;
  /** Its version, semantic versioning; default `0.0.0`. */
  readonly version?: string;
  /** Default the process's. `OUTRIDER_PLUGIN_SOCKET` or `PORT` says where to listen, `OUTRIDER_PLUGIN_TOKEN` who may call. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Says something to the operator; default a line on standard error. */
  readonly log?: (message: string) => void;
}

/** A plugin that is being served. */
export interface ServedPlugin {
  /** Port that was taken; 0 for a socket. */
  readonly port: number;
  /** Finishes the calls there are, for two seconds at most, and stops listening. */
  close(): Promise<void>;
}

/** Longest wait for calls to finish, in ms. */
const finishMs = 2_000;

/**
 * Serves scorers and producers to a host, from this process on: Session and health on one socket or port. Ends the
 * process at SIGTERM, when its calls are finished, and with the host that started it.
 * @throws {OutriderError} `CONFIG_INVALID` where the environment does not say where to listen.
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
  const listening = await listen(server, toAddress(environment), token);
  const close = async () => {
    process.off("SIGTERM", exit);
    const endMs = performance.now() + finishMs;
    while (server.load > 0 && performance.now() < endMs) await delay(5);
    await listening.close();
  };
  const exit = () => void close().then(() => process.exit(0));
  process.once("SIGTERM", exit);
  if (token !== "" && isPipe(0)) process.stdin.resume().once("end", exit);
  return { port: listening.port, close };
}

function toAddress({ OUTRIDER_PLUGIN_SOCKET: path, PORT: port }: Record<string, string | undefined>): ListenAddress {
  if (path) return { kind: "socket", path };
  if (port && /^\d+$/.test(port)) return { kind: "port", port: Number(port) };
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
