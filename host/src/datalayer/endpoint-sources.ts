import { type EndpointEntry, OutriderError } from "@outrider/core";
import type { Logger } from "pino";
import type { EndpointSource } from "./endpoint-source.ts";

/** Several sources as one. */
export interface EndpointSources {
  /**
   * Reads all lists, and goes on watching them.
   * @throws {OutriderError} `ENDPOINTS_INVALID` with a line for each fault of all sources; nothing is watched then.
   */
  start(): Promise<void>;
  /** Endpoints of the last good lists; of those with one id or address the first. */
  endpoints(): ReadonlyMap<string, EndpointEntry>;
  /** Whether the list of each source is in force as it was read last. */
  states(): readonly (readonly [name: string, inForce: boolean])[];
  stop(): void;
}

/** Sources at rest. @param onChange called when a list has changed behind the start. */
export function createEndpointSources(
  sources: readonly EndpointSource[],
  logger: Logger,
  onChange: () => void,
): EndpointSources {
  const lists = new Map<EndpointSource, readonly EndpointEntry[]>(sources.map((source) => [source, []]));
  const faulty = new Set<EndpointSource>();
  const stop = () => {
    for (const source of sources) source.stop();
  };
  const startSource = async (source: EndpointSource) => {
    const endpoints = await source.start({
      onEndpoints(list) {
        lists.set(source, list);
        faulty.delete(source);
        logger.info({ source: source.name, endpoints: list.length }, "endpoints have changed");
        onChange();
      },
      onFault(fault) {
        faulty.add(source);
        logger.error({ source: source.name, code: fault.code }, `${fault.message}\nthe last list stays`);
      },
    });
    lists.set(source, endpoints);
  };
  return {
    async start() {
      const results = await Promise.allSettled(sources.map(startSource));
      const faults = results.filter((result) => result.status === "rejected").map(({ reason }) => reason);
      if (faults.length === 0) return;
      stop();
      throw joinFaults(faults);
    },
    endpoints: () => union([...lists.values()].flat()),
    states: () => sources.map((source) => [source.name, !faulty.has(source)] as const),
    stop,
  };
}

function union(entries: readonly EndpointEntry[]): ReadonlyMap<string, EndpointEntry> {
  const byId = new Map<string, EndpointEntry>();
  const addresses = new Set<string>();
  for (const entry of entries) {
    if (byId.has(entry.id) || addresses.has(entry.address)) continue;
    byId.set(entry.id, entry);
    addresses.add(entry.address);
  }
  return byId;
}

/** One error with the lines of all; anything unexpected as it is. */
function joinFaults(faults: readonly unknown[]): unknown {
  const unexpected = faults.find((fault) => !(fault instanceof OutriderError));
  if (unexpected !== undefined || faults.length === 1) return unexpected ?? faults[0];
  return new OutriderError("ENDPOINTS_INVALID", faults.map((fault) => (fault as OutriderError).message).join("\n"));
}
