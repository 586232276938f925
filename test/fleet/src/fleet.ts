import { writeFileSync } from "node:fs";
import { startControl } from "./control.ts";
import { toEndpointsFile } from "./endpoints-file.ts";
import type { ServerFaults } from "./faults.ts";
import { listenAll, type Pod } from "./listen-all.ts";
import { type FleetOptions, resolveOptions } from "./options.ts";
import { createPump } from "./pump.ts";
import { type FleetStats, toFleetStats } from "./stats.ts";

/** Simulated model servers that run, in this process or in one of their own. */
export interface Fleet {
  /** The servers' `ip:port`; of those with several ranks one each, rank by rank. */
  readonly endpoints: readonly string[];
  /** What each of them is, as in the label `llm-d.ai/role`; empty: a server without the label. */
  readonly roles: readonly string[];
  /** URL of the control API. */
  readonly control: string;
  /** Process they run in: what they cost is its CPU time. */
  readonly pid: number;
  /** What they have done and do. */
  stats(): Promise<FleetStats>;
  /**
   * Replaces all faults of one server, or of every one for `*`; `{}` makes it well.
   * @throws {Error} for an endpoint or a fault it does not know.
   */
  fault(endpoint: string, faults: ServerFaults): Promise<void>;
  /** Ends them at once, whatever is in progress. */
  stop(): Promise<void>;
}

/**
 * Starts a fleet in this process.
 * @throws {RangeError} for an option it does not know how to follow; a port that is taken rejects with its error.
 */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const resolved = resolveOptions(options);
  const pump = createPump(resolved.tickMs, () => performance.now());
  const pods = await listenAll(resolved, pump);
  const servers = pods.flatMap((pod) => pod.servers);
  const fault = async (endpoint: string, faults: ServerFaults) => {
    const meant = servers.filter((server) => endpoint === "*" || server.endpoint === endpoint);
    if (meant.length === 0) throw new Error(`no server ${endpoint} in the fleet`);
    await Promise.all(meant.map((server) => server.setFaults(faults)));
  };
  const stats = () => toFleetStats(servers.map((server) => server.stats()));
  const control = await startControl(resolved.controlPort, { stats, fault });
  const addresses = toAddresses(pods);
  if (resolved.endpointsFile !== undefined) writeFileSync(resolved.endpointsFile, toEndpointsFile(addresses));
  return {
    endpoints: addresses.map(({ endpoint }) => endpoint),
    roles: addresses.map(({ role }) => role),
    control: control.url,
    pid: process.pid,
    stats: async () => stats(),
    fault,
    async stop() {
      pump.stop();
      await Promise.all([control.close(), ...servers.map((server) => server.close())]);
    },
  };
}

function toAddresses(pods: readonly Pod[]) {
  return pods.flatMap(({ name, role, servers }) =>
    servers.map(({ endpoint }, rank) => ({
      name: servers.length === 1 ? name : `${name}-rank-${rank}`,
      endpoint,
      role,
    })),
  );
}
