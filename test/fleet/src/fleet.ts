import { parseEngineShape } from "@outrider/lab/engine";
import { startControl } from "./control.ts";
import type { ServerFaults } from "./faults.ts";
import { ModelServer } from "./model-server.ts";
import { type FleetOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { createPump, type Pump } from "./pump.ts";
import { type FleetStats, toFleetStats } from "./stats.ts";

/** Simulated model servers that run, in this process or in one of their own. */
export interface Fleet {
  /** The servers' `ip:port`. */
  readonly endpoints: readonly string[];
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
  const servers = Array.from({ length: resolved.servers }, (_, i) => createServer(resolved, i, pump));
  await Promise.all(servers.map((server) => server.listen()));
  const fault = async (endpoint: string, faults: ServerFaults) => {
    const meant = servers.filter((server) => endpoint === "*" || server.endpoint === endpoint);
    if (meant.length === 0) throw new Error(`no server ${endpoint} in the fleet`);
    await Promise.all(meant.map((server) => server.setFaults(faults)));
  };
  const stats = () => toFleetStats(servers.map((server) => server.stats()));
  const control = await startControl(resolved.controlPort, { stats, fault });
  return {
    endpoints: servers.map(({ endpoint }) => endpoint),
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

function createServer(options: ResolvedOptions, index: number, pump: Pump): ModelServer {
  const { engines, kvTokens, blockSizeTokens, maxRunning, models, adapters, defaultOutputTokens, basePort } = options;
  const shape = parseEngineShape(engines[index % engines.length]);
  const limits = { kvTokens, blockSizeTokens, maxRunning };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  const port = basePort === 0 ? 0 : basePort + index;
  const offer = { models, adapters, defaultOutputTokens };
  const { timeScale, protocols } = options;
  const speaksH2c = protocols.includes("h2c");
  const server = new ModelServer({ engine: { ...shape, ...given }, offer, timeScale, port, speaksH2c }, pump);
  pump.add(server);
  return server;
}
