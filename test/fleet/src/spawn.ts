import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Fleet } from "./fleet.ts";
import { type FleetOptions, toFlags } from "./options.ts";
import type { FleetStats } from "./stats.ts";

/** What `main.ts --json` prints when it is ready. */
export interface FleetAddresses {
  /** The servers' `ip:port`. */
  readonly endpoints: readonly string[];
  /** URL of the control API. */
  readonly control: string;
  /** Their roles. */
  readonly roles: readonly string[];
}

/**
 * Starts a fleet in a process of its own, so that it shares no event loop with who uses it. It ends with this process.
 * @throws {Error} when it cannot start; what it said went to standard error.
 */
export async function spawnFleet(options: FleetOptions = {}): Promise<Fleet> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const args = [...nodeFlags, main, ...toFlags(options), "--json"];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const { endpoints, control, roles } = await readAddresses(child);
  return {
    endpoints,
    control,
    roles,
    pid: child.pid!,
    stats: async () => (await order(`${control}/stats`)) as FleetStats,
    fault: async (endpoint, faults) => {
      await order(`${control}/faults`, JSON.stringify({ endpoint, faults }));
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Room for young objects: requests come and go by the hundred a second. */
const nodeFlags = ["--max-semi-space-size=16"];

async function readAddresses(child: ChildProcess): Promise<FleetAddresses> {
  const lines = createInterface({ input: child.stdout! });
  const exited = once(child, "exit").then(([code, signal]) => {
    throw new Error(`the fleet ended with ${code ?? signal} before it was ready`);
  });
  const [line] = (await Promise.race([once(lines, "line"), exited])) as [string];
  exited.catch(() => {});
  return JSON.parse(line);
}

async function order(url: string, body?: string): Promise<unknown> {
  const response = await fetch(url, body === undefined ? {} : { method: "POST", body });
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  throw new Error(`${url}: ${JSON.stringify(answer)}`);
}
