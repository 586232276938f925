import { parseEngineShape } from "@outrider/lab/engine";
import { ModelServer } from "./model-server.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Pump } from "./pump.ts";
import type { ServerRole } from "./stages/roles.ts";

/** What runs one model, as a pod does: a server for each of its data-parallel ranks. */
export interface Pod {
  readonly name: string;
  readonly role: ServerRole;
  /** By rank; requests may come to any, and the first hands them to the rank that they name. */
  readonly servers: readonly ModelServer[];
}

/** Times that a row of ports is sought: somebody else may take one of them meanwhile. */
const maxAttempts = 20;

/**
 * Makes the servers and has them listen.
 * @throws the error of a port that is taken, where the options name it.
 */
export async function listenAll(options: ResolvedOptions, pump: Pump): Promise<readonly Pod[]> {
  for (let attempt = 1; ; attempt++) {
    const pods = Array.from({ length: options.servers }, (_, i) => createPod(options, i, pump));
    try {
      await (options.ranks === 1 ? listenApart(pods) : listenInRows(pods));
      for (const server of pods.flatMap(({ servers }) => servers)) pump.add(server);
      return pods;
    } catch (error) {
      await Promise.all(pods.flatMap(({ servers }) => servers.map((server) => server.close())));
      const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!isTaken || options.basePort !== 0 || options.ranks === 1 || attempt === maxAttempts) throw error;
    }
  }
}

async function listenApart(pods: readonly Pod[]): Promise<void> {
  await Promise.all(pods.map(({ servers }) => servers[0]!.listen()));
}

/** Each rank has the same port in all pods, one behind that of the rank before. */
async function listenInRows(pods: readonly Pod[]): Promise<void> {
  const first = pods[0]!.servers[0]!;
  await first.listen();
  const port = Number(first.endpoint.split(":")[1]);
  for (const { servers } of pods) {
    for (const [rank, server] of servers.entries()) if (server !== first) await server.listen(port + rank);
  }
}

function createPod(options: ResolvedOptions, index: number, pump: Pump): Pod {
  const { ranks, roles } = options;
  const role = roles.length === 0 ? "" : roles[index % roles.length]!;
  const servers: ModelServer[] = [];
  const endpoints = () => servers.map(({ endpoint }) => endpoint);
  for (let rank = 0; rank < ranks; rank++) {
    const ranksOf = rank === 0 && ranks > 1 ? endpoints : () => [];
    servers.push(createServer(options, { index, rank, role, ranks: ranksOf }, pump));
  }
  return { name: `server-${index}`, role, servers };
}

interface Place {
  readonly index: number;
  readonly rank: number;
  readonly role: ServerRole;
  ranks(): readonly string[];
}

function createServer(options: ResolvedOptions, { index, rank, role, ranks }: Place, pump: Pump): ModelServer {
  const { engines, kvTokens, blockSizeTokens, maxRunning, models, adapters, defaultOutputTokens, basePort } = options;
  const shape = parseEngineShape(engines[index % engines.length]!);
  const limits = { kvTokens, blockSizeTokens, maxRunning };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  const isRow = options.ranks > 1;
  const host = isRow ? `127.0.0.${1 + index}` : "127.0.0.1";
  const port = basePort === 0 ? 0 : basePort + (isRow ? rank : index);
  const offer = { models, adapters, defaultOutputTokens };
  const { timeScale, protocols } = options;
  const speaksH2c = protocols.includes("h2c");
  const engine = { ...shape, ...given };
  return new ModelServer({ engine, offer, timeScale, role, host, port, ranks, speaksH2c }, pump);
}
