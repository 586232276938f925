import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { OutriderError } from "@outrider/core/contract";
import type { GuardedCommand } from "../guard.ts";

/** A plugin's command line, as its operator wrote it. */
export interface ChildCommand {
  /** Program and arguments, at least the program. */
  readonly command: readonly string[];
  /** Folder it runs in. */
  readonly cwd: string;
  /** Environment added to the allow-listed one. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where a child was told to listen, and what it must be shown. */
export interface ChildAddress {
  /** Nothing is there before the child listens. */
  readonly socketPath: string;
  /** On 127.0.0.1. */
  readonly port: number;
  /** Bearer token of its host. */
  readonly token: string;
}

/** Of its host's environment a child sees these, and nothing else but what its configuration names. */
const inherited = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"] as const;

/** Longest path of a unix socket that every platform takes. */
const longestSocketPath = 103;

/**
 * A fresh address in `dir`, never used before: nothing that an earlier child left behind is in its way.
 * @throws {OutriderError} `PLUGIN_REJECTED` where the path is too long for a socket.
 */
export async function createChildAddress(dir: string, name: string): Promise<ChildAddress> {
  const socketPath = join(dir, name);
  if (Buffer.byteLength(socketPath) > longestSocketPath) {
    throw new OutriderError("PLUGIN_REJECTED", `the socket's path is too long: ${socketPath}; choose a shorter folder`);
  }
  return { socketPath, port: await findFreePort(), token: randomBytes(32).toString("base64url") };
}

/** What to start behind the guard, with all of its environment. */
export function toGuardedCommand({ command: line, cwd, env }: ChildCommand, address: ChildAddress): GuardedCommand {
  const [command, ...args] = line;
  return { command: command!, args, cwd, env: { ...inheritedEnvironment(), ...env, ...addressEnvironment(address) } };
}

function inheritedEnvironment(): Record<string, string> {
  const present = inherited.filter((name) => process.env[name] !== undefined);
  return Object.fromEntries(present.map((name) => [name, process.env[name]!]));
}

function addressEnvironment({ socketPath, port, token }: ChildAddress): Record<string, string> {
  return { OUTRIDER_PLUGIN_SOCKET: socketPath, OUTRIDER_PLUGIN_TOKEN: token, PORT: String(port) };
}

/** Ports that were given to children: one that has not listened yet would otherwise be found free once more. */
const givenPorts: number[] = [];

/** How many of them are remembered. */
const rememberedPorts = 256;

async function findFreePort(): Promise<number> {
  let port = await askForPort();
  while (givenPorts.includes(port)) port = await askForPort();
  givenPorts.push(port);
  if (givenPorts.length > rememberedPorts) givenPorts.shift();
  return port;
}

function askForPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
